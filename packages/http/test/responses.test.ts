import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { until } from "@wsession/conformance";
import { createSessions, inConnectionStore, isSessionError, mapStore, unchecked } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { isHttpSessionError, httpSessions } from "@wsession/http";
import { expect, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { withGap } from "../../../tests/held.ts";
import { redisClient } from "../../../tests/stores.ts";
import { exchange } from "./exchange.ts";
import { type Data, application, cookie, origin, requestWith } from "./map-sessions.ts";

const codeOf = (error: unknown): unknown =>
  isSessionError(error) || isHttpSessionError(error) ? error.code : error;

test("after the headers were sent a call fails with a typed error, before anything is changed in the store", async () => {
  const { sessions, http } = application();
  const codes: unknown[] = [];
  const answer = await exchange({ origin }, async (request, response) => {
    response.writeHead(200).write("x");
    codes.push(await http.login(request, response, { n: 1 }, { subject: "ada" }).catch(codeOf));
    codes.push(await http.logout(request, response).catch(codeOf));
    codes.push(await http.renew(request, response).catch(codeOf));
  });
  await answer.text();
  const frozen = Response.redirect("https://app.example.com/").headers;
  codes.push(await http.login(requestWith(), frozen, { n: 1 }, { subject: "ada" }).catch(codeOf));
  expect(codes).toEqual(Array.from({ length: 4 }, () => "HEADERS_SENT"));
  expect(sessions.diagnostics.sessionsCreated).toBe(0);
});

const premature: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
  "the headers are": (response) => response.writeHead(200).write("x"),
  "the whole response is": async (response) => {
    response.end("x");
    await once(response, "close");
  },
};

test.each(Object.entries(premature))(
  "if %s sent during the login, the login fails with a typed error, and no session stays without a cookie",
  async (_, send) => {
    const gap = newGap();
    const { sessions, http } = application({ store: withGap(mapStore(), "create", "after", gap) });
    let code: unknown;
    const answer = await exchange({ origin }, async (request, response) => {
      const login = http.login(request, response, { n: 1 }, { subject: "ada" }).catch(codeOf);
      await gap.reached;
      await send(response);
      gap.letGo();
      code = await login;
    });
    await answer.text();
    expect(code).toBe("HEADERS_SENT");
    expect(await sessions.bySubject("ada")).toEqual([]);
  },
);

test("if the client leaves during its login, no session stays that no browser can end; renew keeps its token, and logout works", async () => {
  const gap = newGap();
  const { sessions, http, reports } = application({ store: withGap(mapStore(), "create", "after", gap) });
  const found: unknown[] = [];
  const ended = exchange({ origin }, async (request, response) => {
    const gone = once(response, "close");
    const login = http.login(request, response, { n: 1 }, { subject: "ada" });
    await gap.reached;
    request.socket.destroy();
    await gone;
    gap.letGo();
    const session = await login;
    found.push(await sessions.get(session.id), await sessions.bySubject("ada"));
    const { token } = await sessions.create({ n: 2 });
    Object.assign(request.headers, { cookie: `__Host-wsession=${token}` });
    found.push((await http.renew(request, response))?.data, (await sessions.open(token))?.data);
    found.push(await http.logout(request, response), await sessions.open(token));
  });
  await expect(ended).rejects.toThrow("fetch failed");
  await until(() => found.length === 6);
  expect(found).toEqual([undefined, [], { n: 2 }, { n: 2 }, true, undefined]);
  expect(reports).toEqual([]);
});

test("a session whose login fails after it got its subject is destroyed, and data that is invalid is refused", async () => {
  const schema = {
    "~standard": {
      ...unchecked<Data>()["~standard"],
      validate: (value: unknown) =>
        typeof Object(value).n === "number" ? { value: value as Data } : { issues: [{ message: "no" }] },
    },
  };
  const { sessions, http } = application({ schema });
  const { token } = await sessions.create({ n: 0 });
  for (const request of [requestWith(), requestWith(token)]) {
    const headers = new Headers();
    const login = http.login(request, headers, { n: "1" } as never, { subject: "ada" });
    expect(await login.catch(codeOf)).toBe("INVALID_DATA");
    expect(headers.getSetCookie()).toEqual([]);
    expect(http.of(request)).toBeUndefined();
  }
  expect(await sessions.bySubject("ada")).toEqual([]);
});

test.each(["oldest", "refuse"] as const)(
  "a login over an earlier login of the same user does not count twice for maxSessionsPerSubject (over: %s)",
  async (over) => {
    const { sessions, http } = application({ maxSessionsPerSubject: { max: 2, over } });
    const login = async (...tokens: readonly string[]) => {
      const headers = new Headers();
      const { id } = await http.login(requestWith(...tokens), headers, { n: 1 }, { subject: "ada" });
      const [, token = ""] = /=([^;]+)/.exec(headers.getSetCookie()[0] ?? "") ?? [];
      return { id, token };
    };
    const laptop = await login();
    const phone = await login();
    const again = await login(phone.token);
    const ids = (await sessions.bySubject("ada")).map(({ id }) => id);
    expect(ids.toSorted()).toEqual([laptop.id, again.id].toSorted());
  },
);

test("of several cookies with one name a login ends the session of the first cookie alone, and no token counts as stolen (issue 13)", async () => {
  const { sessions, http, reports } = application({
    maxSessionsPerSubject: { max: 3, over: "refuse" },
    destroyOnTheft: true,
  });
  const create = (subject?: string) => sessions.create({ n: 0 }, subject === undefined ? {} : { subject });
  // A shared parent domain may give the browser a cookie of another application, or of another person.
  const [first, second, other] = [await create("ada"), await create("ada"), await create("bob")];
  const tokens = [first.token, second.token, other.token];
  const { id } = await http.login(requestWith(...tokens), new Headers(), { n: 1 }, { subject: "ada" });
  const ids = (await sessions.bySubject("ada")).map((session) => session.id);
  expect(ids.toSorted()).toEqual([second.session.id, id].toSorted());
  expect((await sessions.open(other.token))?.subject).toBe("bob");

  // The first session is anonymous, and gets the subject. Its replaced token is not presented without its replacement.
  const anonymous = await create();
  const request = requestWith(anonymous.token, other.token);
  expect((await http.login(request, new Headers(), { n: 2 }, { subject: "ada" })).id).toBe(
    anonymous.session.id,
  );
  expect((await sessions.open(other.token))?.subject).toBe("bob");
  expect(reports).toEqual([]);
});

test("a user whose sessions are destroyed during the login is not logged in (fault A1)", async () => {
  const gap = newGap();
  const { sessions, http } = application({ store: withGap(mapStore(), "rotate", "before", gap) });
  const { token } = await sessions.create({ n: 0 });
  const headers = new Headers();
  const login = http.login(requestWith(token), headers, { n: 1 }, { subject: "ada" }).catch(codeOf);
  await gap.reached;
  await sessions.destroySubject("ada");
  gap.letGo();
  expect(await login).toBe("REVOKED");
  expect(headers.getSetCookie()).toEqual([]);
  expect(await sessions.bySubject("ada")).toEqual([]);
});

test("of several cookies with one name the first that opens a session counts, and a replaced one beside it is not reported as theft", async () => {
  const { sessions, http, reports } = application({ destroyOnTheft: true });
  const { session, token } = await sessions.create({ n: 1 });
  const { token: next } = await session.identify("ada");
  const request = requestWith("stale", token, next);
  expect((await http.open(request))?.id).toBe(session.id);
  expect(http.of(request)?.subject).toBe("ada");
  expect(reports).toEqual([]);
});

test("requests without a cookie, or with cookies of other libraries, open no session", async () => {
  const { http, sessions } = application();
  expect(await http.open({ headers: {} })).toBeUndefined();
  for (const value of ["s%3Aabc.def", "", "x".repeat(5_000), "é", '"quoted"'])
    expect(
      await http.open({ headers: { cookie: `connect.sid=s%3Ax.y; __Host-wsession=${value}` } }),
    ).toBeUndefined();
  expect(sessions.diagnostics.tokensWrong).toBe(0);
});

test("if the store is unavailable, the call rejects, and the user does not count as logged out (I11)", async () => {
  const { http } = application({ store: redisStore({ client: redisClient(1), timeoutMs: 100 }) });
  const token = `${"A".repeat(22)}.${"A".repeat(43)}`;
  const headers = new Headers();
  expect(await http.open(requestWith(token)).catch(codeOf)).toBe("STORE_UNAVAILABLE");
  expect(await http.logout(requestWith(token), headers).catch(codeOf)).toBe("STORE_UNAVAILABLE");
  expect(headers.getSetCookie()).toEqual([]);
});

test.each([false, true])(
  "the lifetimes of a login are those of its session and of its cookie (visitor with a session before: %s)",
  async (hasSession) => {
    const { sessions, http } = application();
    const before = hasSession ? [(await sessions.create({ n: 0 })).token] : [];
    const headers = new Headers();
    const lifetimes = { idleMs: 600_000, expiresAt: Date.now() + 3_600_000 };
    const session = await http.login(
      requestWith(...before),
      headers,
      { n: 1 },
      { subject: "ada", ...lifetimes },
    );
    expect(session.expiresAt).toBeGreaterThan(lifetimes.expiresAt - 2_000);
    expect(session.expiresAt).toBeLessThan(lifetimes.expiresAt + 2_000);
    // Rounding, and the two clocks: the deadline is one of the monotonic clock.
    expect(session.idleExpiresAt - Date.now()).toBeLessThan(600_100);
    expect(session.idleExpiresAt - Date.now()).toBeGreaterThan(595_000);
    const maxAge = /Max-Age=(\d+)/.exec(headers.getSetCookie().join())?.[1];
    expect(Number(maxAge)).toBeGreaterThan(3_590);
    expect(Number(maxAge)).toBeLessThanOrEqual(3_601);
  },
);

test("a login with lifetimes that are past or not numbers is refused, and changes nothing", async () => {
  const { sessions, http } = application();
  const wrong = { subject: "ada", expiresAt: Date.now() - 1 };
  expect(() => http.login(requestWith(), new Headers(), { n: 1 }, wrong)).toThrow(/expiresAt is past/);
  expect(await sessions.bySubject("ada")).toEqual([]);
});

test("with a store that keeps sessions on connections open rejects with NOT_SUPPORTED", async () => {
  const sessions = createSessions<Data>({ store: inConnectionStore() });
  const http = httpSessions(sessions, { cookie });
  expect(await http.open(requestWith("x")).catch(codeOf)).toBe("NOT_SUPPORTED");
});

test("an unhandled rejection is reported, and does not end the process (I12)", async () => {
  const { http, reports } = application();
  void http.login(
    new Request("https://app.example.com/", { method: "POST" }),
    new Headers(),
    { n: 1 },
    { subject: "ada" },
  );
  await turn();
  await turn();
  expect(reports).toEqual([expect.stringMatching(/^unhandled: HttpSessionError: /)]);
});

test("the callback of an identity provider may skip the check of the origin", async () => {
  const { http } = application();
  const callback = new Request("https://app.example.com/callback", {
    headers: { "sec-fetch-site": "cross-site" },
  });
  const headers = new Headers();
  const options = { subject: "ada", checkOrigin: false };
  expect((await http.login(callback, headers, { n: 1 }, options)).subject).toBe("ada");
  expect(headers.getSetCookie()).toHaveLength(1);
});

test("a connection that has the session exclusively is not replaced by a request (I13)", async () => {
  const { sessions, http } = application({ exclusive: true });
  const { session, token } = await sessions.create({ n: 1 });
  const opened = await http.open(requestWith(token));
  await opened?.patch({ n: 2 });
  expect(session.data.n).toBe(2);
});
