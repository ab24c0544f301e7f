/** What happens at the limits in bytes: of a session's data, of a cookie that is set, and of cookies that arrive. */
import { createServer } from "node:http";
import { cookieToken, createSessions, isSessionError, mapStore, SessionError } from "@wsession/core";
import type { CookieCarrier, SessionErrorCode } from "@wsession/core";
import {
  expressStore,
  HttpSessionError,
  httpSessions,
  httpStatusOf,
  isHttpSessionError,
} from "@wsession/http";
import { expect, onTestFinished, test } from "vitest";
import { openStore } from "../../../tests/stores.ts";
import { wrongFor } from "../../../tests/wrong-values.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";
import { listen } from "./listen.ts";

const redis = useRedisServer();
const origin = "https://app.example.com";
const cookie = cookieToken({ name: "app", secure: false });
const ada = { subject: "ada" };
const LARGE = { text: "x".repeat(2_000) };
const SMALL = { text: "x" };

const codeOf = (error: unknown): unknown =>
  isSessionError(error) || isHttpSessionError(error) ? error.code : error;
const requestWith = (value: string) =>
  new Request(origin, { method: "POST", headers: { origin, cookie: value } });

function application(
  carrier: CookieCarrier = cookie,
  store = openStore("redis", redis.port, { maxBytes: 1_000 }),
) {
  const sessions = createSessions<{ readonly text: string }>({ store, token: carrier, origins: [origin] });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie: carrier }) };
}

test.each([false, true])(
  "a login with data over maxBytes of the store is refused with TOO_LARGE and status 413, without a cookie and a session (anonymous session before: %s)",
  async (hasSession) => {
    const { sessions, http } = application();
    const before = hasSession ? (await sessions.create(SMALL)).token : "";
    const request = requestWith(`app=${before}`);
    const headers = new Headers();
    const failure: unknown = await http.login(request, headers, LARGE, ada).catch((error: unknown) => error);
    expect([codeOf(failure), httpStatusOf(failure)]).toEqual(["TOO_LARGE", 413]);
    expect(headers.getSetCookie()).toEqual([]);
    expect(http.of(request)).toBeUndefined();
    expect(await sessions.bySubject("ada")).toEqual([]);
  },
);

test("an update over maxBytes is refused with TOO_LARGE and changes nothing, over HTTP and through expressStore", async () => {
  const { sessions, http } = application();
  const { session, token } = await sessions.create(SMALL);
  const found = await http.open(requestWith(`app=${token}`));
  expect(await found?.set(LARGE).catch(codeOf)).toBe("TOO_LARGE");
  expect(session.data).toEqual(SMALL);
  const store = expressStore(sessions);
  const save = (data: object) =>
    new Promise((resolve) => {
      store.set("sid", { cookie: {}, ...data }, resolve);
    });
  expect(await save(SMALL)).toBeNull();
  expect(codeOf(await save(LARGE))).toBe("TOO_LARGE");
  const kept = await new Promise((resolve) => {
    store.get("sid", (_, stored) => resolve(stored));
  });
  expect(kept).toMatchObject(SMALL);
});

test("a cookie over 4,096 bytes, which browsers drop, is refused with COOKIE_TOO_LARGE, and no session stays without a cookie", async () => {
  for (const [most, code] of [
    [4_096, undefined],
    [4_097, "COOKIE_TOO_LARGE"],
  ] as const) {
    // A carrier of an application's own, which signs or encrypts the token.
    const carrier: CookieCarrier = {
      ...cookie,
      write: (token) => [
        "set-cookie",
        `app=${token}${"x".repeat(most - "app".length - token.length)}; Path=/; HttpOnly`,
      ],
    };
    const { sessions, http } = application(carrier, mapStore());
    const headers = new Headers();
    const failure = await http.login(requestWith(""), headers, SMALL, ada).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure && [codeOf(failure), httpStatusOf(failure)]).toEqual(code && [code, 500]);
    expect(headers.getSetCookie()).toHaveLength(code === undefined ? 1 : 0);
    expect(await sessions.bySubject("ada")).toHaveLength(code === undefined ? 1 : 0);
  }
});

test("the session's cookie is found beside 15 KB of others; more than 16 KB are answered with 431 by Node, and not read by Fetch", async () => {
  const { sessions, http } = application(cookie, mapStore());
  const { token } = await sessions.create(SMALL);
  const server = createServer((request, response) => {
    http.open(request).then(
      (session) => response.end(session?.data.text),
      () => response.writeHead(500).end(),
    );
  });
  const address = await listen(server);
  const cookies = (bytes: number) => ({ cookie: `other=${"x".repeat(bytes)}; app=${token}` });
  const answers = [];
  for (const bytes of [15_000, 17_000]) {
    const answer = await fetch(address, { headers: cookies(bytes) });
    answers.push([answer.status, await answer.text()]);
  }
  expect(answers).toEqual([
    [200, "x"],
    [431, ""],
  ]);
  expect(await http.open(new Request(origin, { headers: cookies(17_000) }))).toBeUndefined();
});

test("httpStatusOf returns the status of every error of this package and of core, and 500 for any other value", () => {
  const statuses: Partial<Record<SessionErrorCode, number>> = {
    TOO_LARGE: 413,
    SESSION_GONE: 401,
    REVOKED: 401,
    FENCED: 401,
    TOO_MANY_SESSIONS: 403,
    CONFLICT: 409,
    STORE_UNAVAILABLE: 503,
    STORE_FULL: 503,
    SHUTTING_DOWN: 503,
    OUTBOX_FULL: 503,
    CORRUPT_RECORD: 503,
    INVALID_DATA: 500,
    NOT_SERIALISABLE: 500,
    INVALID_ARGUMENT: 500,
  };
  for (const [code, status] of Object.entries(statuses))
    expect([code, httpStatusOf(new SessionError(code as SessionErrorCode, "x"))]).toEqual([code, status]);
  expect(httpStatusOf(new HttpSessionError("ORIGIN_NOT_ALLOWED", "x"))).toBe(403);
  for (const value of [
    ...wrongFor.any,
    undefined,
    new Error("x"),
    Object.assign(new Error("x"), { status: 404 }),
  ])
    expect(httpStatusOf(value)).toBe(500);
});
