import { createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { afterAll, describe, test } from "vitest";
import { wrongFor, expectRefused, show } from "../../../tests/wrong-values.ts";
import { type Data, cookie, requestWith } from "./map-sessions.ts";

describe("fault D6: wrong arguments throw INVALID_ARGUMENT at once", () => {
  const sessions = createSessions<Data>({ store: mapStore() });
  const http = httpSessions(sessions, { cookie });
  afterAll(() => sessions.close());
  const request = requestWith();
  const headers = new Headers();
  type Call = (...args: never[]) => unknown;
  const expectRefusals = (what: string, call: Call, lists: readonly (readonly unknown[])[]) => {
    for (const list of lists)
      expectRefused(`${what}(${list.map(show).join()})`, () => call(...(list as never[])));
  };

  test("httpSessions", () => {
    expectRefusals("httpSessions", httpSessions, [
      ...wrongFor.object.map((value) => [value, { cookie }]),
      ...wrongFor.options.map((value) => [sessions, value]),
      ...wrongFor.object.map((value) => [sessions, { cookie: value }]),
      ...[null, "https://example.com", 5, {}, [5]].map((origins) => [sessions, { cookie, origins }]),
    ]);
  });

  test("open, login, logout and renew", () => {
    const noRequests = wrongFor.object.map((value) => [value, headers, { n: 1 }, { subject: "ada" }]);
    expectRefusals("open", http.open.bind(http) as Call, noRequests);
    expectRefusals("logout", http.logout.bind(http) as Call, noRequests);
    expectRefusals("renew", http.renew.bind(http) as Call, noRequests);
    expectRefusals("login", http.login.bind(http) as Call, [
      ...noRequests,
      ...wrongFor.options.map((value) => [request, headers, { n: 1 }, value]),
      ...wrongFor.text.map((subject) => [request, headers, { n: 1 }, { subject }]),
      ...wrongFor.boolean.map((checkOrigin) => [request, headers, { n: 1 }, { subject: "ada", checkOrigin }]),
    ]);
    const noResponses = [undefined, ...wrongFor.object].map((value) => [request, value]);
    expectRefusals("logout", http.logout.bind(http) as Call, noResponses);
    expectRefusals("renew", http.renew.bind(http) as Call, noResponses);
    const login = http.login.bind(http) as Call;
    expectRefusals(
      "login",
      login,
      noResponses.map((list) => [...list, { n: 1 }, { subject: "ada" }]),
    );
  });

  test("express and hono", () => {
    expectRefusals("express", http.express.bind(http) as Call, [
      ...wrongFor.options.map((value) => [value]),
      ...wrongFor.text.map((property) => [{ property }]),
    ]);
    expectRefusals("hono", http.hono.bind(http) as Call, [
      ...wrongFor.options.map((value) => [value]),
      ...wrongFor.text.map((variable) => [{ variable }]),
    ]);
  });
});
