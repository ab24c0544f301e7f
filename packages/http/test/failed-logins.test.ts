/** What a login that fails, or whose client leaves, does with the session that it has created. */
import { once } from "node:events";
import { deferred } from "@wsession/conformance";
import { cookieToken, createSessions, isSessionError, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { httpSessions, isHttpSessionError } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import { expect, onTestFinished, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { withGap } from "../../../tests/held.ts";
import { redisClient } from "../../../tests/stores.ts";
import { connected } from "../../store-redis/test/processes.ts";
import { startRedis } from "../../store-redis/test/redis-server.ts";
import { exchange } from "./exchange.ts";

const cookie = cookieToken({ name: "app", secure: false });
const origin = "https://app.example.com";
const ADA = { subject: "ada" };

const codeOf = (error: unknown): unknown =>
  isSessionError(error) || isHttpSessionError(error) ? error.code : error;

function application(store: SessionStore) {
  const reports: string[] = [];
  const sessions = createSessions<{ readonly n: number }>({
    store,
    token: cookie,
    origins: [origin],
    onError: (error, { stage }) => reports.push(`${stage}: ${String(codeOf(error))}`),
  });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie }), reports };
}

/** A request with this token. */
const exchangeWith = (token: string, use: Parameters<typeof exchange>[1]): Promise<Response> =>
  exchange({ origin, cookie: `app=${token}` }, use);

test.each(["create", "rotate"] as const)(
  "if Redis stops after the store's %s, a session that the failed login can't destroy is reported (fault F)",
  async (step) => {
    const gap = newGap();
    const redis = await startRedis();
    const store = redisStore({ client: redisClient(redis.port), timeoutMs: 1_500 });
    const { sessions, http, reports } = application(withGap(store, step, "after", gap));
    await connected({ store });
    const token = step === "rotate" ? (await sessions.create({ n: 0 })).token : "none";
    const codes: unknown[] = [];
    const answer = await exchangeWith(token, async (request, response) => {
      const login = http.login(request, response, { n: 1 }, ADA).catch(codeOf);
      await gap.reached;
      await redis.stop();
      response.writeHead(500).write("x");
      gap.letGo();
      codes.push(await login);
    });
    await answer.text();
    expect(codes).toEqual([step === "create" ? "HEADERS_SENT" : "STORE_UNAVAILABLE"]);
    expect(reports).toContain("unhandled: STORE_UNAVAILABLE");
  },
);

test("if the client leaves while its earlier login is destroyed, no session stays that no browser can end (fault A)", async () => {
  const gap = newGap();
  const { sessions, http, reports } = application(withGap(mapStore(), "destroy", "before", gap));
  const { token } = await sessions.create({ n: 0 }, { subject: "bob" });
  const answered = deferred();
  const ended = exchangeWith(token, async (request, response) => {
    const gone = once(response, "close");
    const login = http.login(request, response, { n: 1 }, ADA);
    await gap.reached;
    request.socket.destroy();
    await gone;
    gap.letGo();
    await login.finally(() => answered.resolve());
  });
  await expect(ended).rejects.toThrow("fetch failed");
  await answered.promise;
  expect(await sessions.bySubject("ada")).toEqual([]);
  expect(reports).toEqual([]);
});
