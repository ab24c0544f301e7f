import { delay, Journal, until } from "@wsession/conformance";
import type { AdapterServer, Client } from "@wsession/conformance";
import { accept, createSessions } from "@wsession/core";
import type { HandlersOf, Renewal, Sessions, SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import {
  cookieOf,
  guess,
  runtimes,
  storeNames,
  storeOf,
  testCookie,
  useRedis,
  useTrial,
  withCookie,
} from "./support.ts";

const redis = useRedis();

interface Cart {
  readonly cart: readonly string[];
}

/** At `open`, the client gets the id of its session and whether it was resumed. */
const greet = {
  open: (conn: Parameters<NonNullable<HandlersOf<Sessions<Cart, unknown, never>>["open"]>>[0]) =>
    void conn.send(`${conn.session.id} ${conn.resumed}`),
};

describe.each(runtimes)("on $runtime", (harness) => {
  describe.each(storeNames)("with the %s store", (store) => {
    const trialOf = useTrial(harness);
    const thefts = new Journal<string | undefined>();

    async function serve(options: SessionsOptions<Cart> = {}) {
      const sessions = createSessions<Cart>({
        store: storeOf(store, redis),
        token: testCookie(),
        onError: (_, { stage, sessionId }) => void (stage === "theft" && thefts.note(sessionId)),
        ...options,
        initial: () => ({ cart: [] }),
      });
      return { sessions, server: await trialOf().serve(sessions, greet) };
    }

    async function visit(
      server: AdapterServer,
      cookie?: string,
      path = "/",
    ): Promise<Client & { greeting: string }> {
      const client = await trialOf().connect(server, path, cookie === undefined ? {} : withCookie(cookie));
      return Object.assign(client, { greeting: String(await client.next()) });
    }

    async function sessionOf(sessions: Sessions<Cart, unknown, never>, cookie: string | undefined) {
      const session = await sessions.get(String(cookie).split(".")[0] ?? "");
      return session ?? expect.fail("no session");
    }

    function renew(renewal: Renewal): string {
      return `/?renewal=${renewal.renewalCode}`;
    }

    test("rotate keeps the older token valid for its grace period, for tabs that reconnect at once", async () => {
      const { sessions, server } = await serve();
      const cookie = cookieOf(await visit(server));
      const known = await sessionOf(sessions, cookie);
      const { token } = await known.rotate();
      expect((await visit(server, cookie)).greeting).toBe(`${known.id} true`);
      expect((await visit(server, token)).greeting).toBe(`${known.id} true`);
      expect(sessions.diagnostics).toMatchObject({ tokensStolen: 0, tokensWrong: 0, sessionsResumed: 2 });
    });

    test("token reuse after rotation: after its grace period the older token is refused and reported as theft, and the session lives", async () => {
      const { sessions, server } = await serve({ graceMs: 1 });
      const cookie = cookieOf(await visit(server));
      const session = await sessionOf(sessions, cookie);
      const { token } = await session.rotate();
      await delay(5);
      expect((await visit(server, cookie)).greeting).toMatch(/ false$/);
      expect(sessions.diagnostics.tokensStolen).toBe(1);
      expect(thefts.entries).toContain(session.id);
      expect((await visit(server, token)).greeting).toBe(`${session.id} true`);
    });

    test("the page gets its new cookie on the 101 that answers the renewal code; the code is valid once", async () => {
      const { sessions, server } = await serve();
      const cookie = cookieOf(await visit(server));
      const session = await sessionOf(sessions, cookie);
      const renewal = await session.identify("ada");
      const renewed = await visit(server, cookie, renew(renewal));
      expect(renewed.greeting).toBe(`${session.id} true`);
      const next = cookieOf(renewed);
      expect([cookie, renewal.token, undefined]).not.toContain(next);
      expect((await visit(server, next)).greeting).toBe(`${session.id} true`);
      // A page reconnects with the address of before, which has the used renewal code: only the cookie counts, and it stays.
      const again = await visit(server, next, renew(renewal));
      expect(again.greeting).toBe(`${session.id} true`);
      expect(cookieOf(again)).toBeUndefined();
      expect((await visit(server, renewal.token)).greeting).toMatch(/ false$/);
    });

    test("a renewal code is refused after its time", async () => {
      const { sessions, server } = await serve({ graceMs: 1, onBadToken: "refuse" });
      const cookie = cookieOf(await visit(server));
      const renewal = await (await sessionOf(sessions, cookie)).identify("ada");
      await delay(5);
      const before = sessions.diagnostics.tokensWrong;
      const { status } = await refusedWith(server, cookie, renew(renewal));
      expect(status).toBe(401);
      expect(sessions.diagnostics.tokensWrong).toBeGreaterThan(before);
    });

    function refusedWith(server: AdapterServer, cookie: string | undefined, path = "/") {
      return trialOf().refused(server, { path, headers: [["cookie", `sid=${cookie}`]] });
    }

    test("a page with an invalid renewal code keeps its session, because the cookie beside the code counts", async () => {
      const { sessions, server } = await serve();
      const cookie = cookieOf(await visit(server));
      const session = await sessionOf(sessions, cookie);
      for (const code of [
        "",
        "x",
        `${session.id}.${"A".repeat(43)}`,
        guess(String(cookie)),
        "%00",
        "__proto__",
      ]) {
        const client = await visit(server, cookie, `/?renewal=${code}`);
        expect(client.greeting).toBe(`${session.id} true`);
        expect(cookieOf(client)).toBeUndefined();
      }
    });

    test("session fixation by renewal code: a code of a session that the browser's cookie does not name is ignored", async () => {
      const { sessions, server } = await serve();
      const attackers = cookieOf(await visit(server));
      const renewal = await (await sessionOf(sessions, attackers)).rotate();
      const victims = cookieOf(await visit(server));
      const own = await sessionOf(sessions, victims);
      const lured = await visit(server, victims, renew(renewal));
      expect(lured.greeting).toBe(`${own.id} true`);
      const withoutCookie = await visit(server, undefined, renew(renewal));
      expect(withoutCookie.greeting).toMatch(/ false$/);
      expect(cookieOf(withoutCookie)?.split(".")[0]).not.toBe(String(attackers).split(".")[0]);
    });

    test("theft is reported after a renewal too: the replaced cookie is still recognised after its grace period", async () => {
      const graceMs = 1_500;
      const { sessions, server } = await serve({ graceMs });
      let startedAt: number;
      let cookie: string | undefined;
      let next: string | undefined;
      let session: Awaited<ReturnType<typeof sessionOf>>;
      let greeting: string;
      // Once more if the machine was too slow for the grace period.
      do {
        cookie = cookieOf(await visit(server));
        session = await sessionOf(sessions, cookie);
        startedAt = performance.now();
        next = cookieOf(await visit(server, cookie, renew(await session.rotate())));
        // Another tab had begun to reconnect with the older cookie.
        ({ greeting } = await visit(server, cookie));
      } while (performance.now() - startedAt >= graceMs);
      expect(greeting).toBe(`${session.id} true`);
      await delay(graceMs + 10);
      expect((await visit(server, cookie)).greeting).toMatch(/ false$/);
      expect(thefts.entries).toContain(session.id);
      expect((await visit(server, next)).greeting).toBe(`${session.id} true`);
    });

    test("destroyOnTheft ends the session everywhere with 4410; any other wrong verifier never does", async () => {
      const { sessions, server } = await serve({ graceMs: 1, destroyOnTheft: true, onBadToken: "refuse" });
      const first = await visit(server);
      const cookie = cookieOf(first);
      const session = await sessionOf(sessions, cookie);
      const { token } = await session.rotate();
      for (const wrong of [guess(token), guess(String(cookie)), `${session.id}.${"A".repeat(43)}`])
        expect((await refusedWith(server, wrong)).status).toBe(401);
      expect((await visit(server, token)).greeting).toBe(`${session.id} true`);
      await delay(5);
      expect((await refusedWith(server, cookie)).status).toBe(401);
      expect(await first.closed).toEqual({ code: 4410, reason: "token stolen" });
      await until(() => session.connections[Symbol.iterator]().next().done === true);
      expect((await refusedWith(server, token)).status).toBe(401);
      expect(await sessions.get(session.id)).toBeUndefined();
    });

    test("identify without a way to set a cookie makes the older token invalid at once", async () => {
      const { sessions, server } = await serve({ onBadToken: "refuse" });
      const cookie = cookieOf(await visit(server));
      const session = await sessionOf(sessions, cookie);
      const { token } = await session.identify("ada");
      expect((await refusedWith(server, cookie)).status).toBe(401);
      expect((await visit(server, token)).greeting).toBe(`${session.id} true`);
      expect((await sessions.get(session.id))?.subject).toBe("ada");
    });

    test("a session that the application names needs no renewal code, and a code in the address is ignored", async () => {
      const { sessions, server } = await serve({
        admit: ({ headers }) => accept({ sessionId: headers["x-session"] }),
      });
      const { session } = await sessions.create({ cart: ["a"] });
      const renewal = await session.rotate();
      const options = { headers: { "x-session": session.id } };
      const client = await trialOf().connect(server, renew(renewal), options);
      expect(await client.next()).toBe(`${session.id} true`);
      expect(cookieOf(client)).toBeUndefined();
    });
  });
});
