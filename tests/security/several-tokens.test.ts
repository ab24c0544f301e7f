import { Journal } from "@wsession/conformance";
import type { AdapterServer, Client, ClientOptions } from "@wsession/conformance";
import { createSessions, protocolToken, queryToken } from "@wsession/core";
import type { SessionsOptions, TokenCarrier } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { COOKIE, guess, runtimes, storeNames, storeOf, testCookie, useRedis, useTrial } from "./support.ts";

const redis = useRedis();

type Data = { readonly n: number };

/** A browser with several cookies of one name sends them all, those of the longest path first (RFC 6265 section 5.4). */
const cookies = (...tokens: readonly string[]): ClientOptions => ({
  headers: { cookie: `other=1; ${tokens.map((token) => `${COOKIE}=${token}`).join("; ")}` },
});

/** A token of no session. */
const dead = (letter: string): string => `${letter.repeat(22)}.${letter.repeat(43)}`;

describe.each(runtimes)("on $runtime", (harness) => {
  describe.each(storeNames)("with the %s store", (storeName) => {
    const trialOf = useTrial(harness);

    async function serve(options: SessionsOptions<Data> = {}) {
      const thefts = new Journal<string | undefined>();
      const sessions = createSessions<Data>({
        store: storeOf(storeName, redis),
        token: testCookie(),
        onBadToken: "refuse",
        onError: (_, { sessionId }) => thefts.note(sessionId),
        ...options,
        initial: () => ({ n: 0 }),
      });
      const server = await trialOf().serve(sessions, {
        open: (conn) => void conn.send(`${conn.session.id} ${conn.resumed} ${conn.token ?? "-"}`),
      });
      return { sessions, server, thefts };
    }

    async function greeting(server: AdapterServer, options: ClientOptions, path = "/"): Promise<string> {
      const client: Client = await trialOf().connect(server, path, options);
      return String(await client.next());
    }

    test("fault D4: of several cookies of one name each of the first four is tried, the stale one first or last", async () => {
      const { sessions, server } = await serve();
      const { session, token } = await sessions.create({ n: 7 });
      const gone = await sessions.create({ n: 1 });
      await gone.session.destroy();
      const bad = [gone.token, guess(token), "", "junk", dead("A")];
      const found = `${session.id} true -`;
      for (const [first = "", second = "", third = ""] of [bad, bad.slice(1), bad.slice(2), bad.slice(3)]) {
        expect(await greeting(server, cookies(first, token))).toBe(found);
        expect(await greeting(server, cookies(token, first))).toBe(found);
        expect(await greeting(server, cookies(first, second, token))).toBe(found);
        expect(await greeting(server, cookies(first, second, third, token))).toBe(found);
      }
      expect(sessions.diagnostics.sessionsResumed).toBe(16);
    });

    test("fault D4: tokens after the first four are not tried, so a header of a stranger causes a bounded number of store calls", async () => {
      const { sessions, server } = await serve();
      const { token } = await sessions.create({ n: 7 });
      const many = Array.from({ length: 60 }, (_, index) => dead(String.fromCodePoint(65 + (index % 26))));
      for (const header of [[...many.slice(0, 4), token], many])
        await expect(greeting(server, cookies(...header))).rejects.toThrow("answered with 401");
      expect(sessions.diagnostics).toMatchObject({ tokensUnknown: 8, sessionsResumed: 0 });
    });

    test("fault D4: with a fresh session for bad tokens, a client with a stale cookie beside a valid one still comes back to its own session", async () => {
      const { sessions, server } = await serve({ onBadToken: "fresh" });
      const { session, token } = await sessions.create({ n: 7 });
      expect(await greeting(server, cookies(dead("A"), token))).toBe(`${session.id} true -`);
      expect(await greeting(server, cookies(dead("A"), dead("B")))).toMatch(/ false -$/);
    });

    test("fault D4: the renewal code counts beside any of the cookies, and beside none of another session", async () => {
      const { sessions, server } = await serve();
      const { session, token } = await sessions.create({ n: 7 });
      const other = await sessions.create({ n: 8 });
      const { renewalCode } = await session.rotate();
      const path = `/?renewal=${renewalCode}`;
      expect(await greeting(server, cookies(dead("A"), other.token), path)).toBe(
        `${other.session.id} true -`,
      );
      const client = await trialOf().connect(server, path, cookies(dead("A"), token));
      expect(client.headers["set-cookie"]?.[0]).toContain(`${COOKIE}=${session.id}.`);
    });

    test("fault D4: a replaced cookie counts as theft alone, and not beside its replacement", async () => {
      const { sessions, server, thefts } = await serve({ graceMs: 1, destroyOnTheft: true });
      const { session, token } = await sessions.create({ n: 7 });
      const { token: next } = await session.identify("ada");
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await greeting(server, cookies(token, next))).toBe(`${session.id} true -`);
      expect(thefts.entries).toEqual([]);
      await expect(greeting(server, cookies(token))).rejects.toThrow("answered with 401");
      expect(thefts.entries).toEqual([session.id]);
      expect(sessions.diagnostics.tokensStolen).toBe(1);
    });

    test("fault D4: the same for a query with several tokens, and for several offered subprotocols", async () => {
      const query = await serve({ token: queryToken() });
      const one = await query.sessions.create({ n: 7 });
      expect(await greeting(query.server, {}, `/?token=${dead("A")}&token=x&token=${one.token}`)).toBe(
        `${one.session.id} true -`,
      );
      const encoded = one.token.replace(".", "%2E");
      expect(await greeting(query.server, {}, `/?token=${dead("A")}&token=${encoded}`)).toBe(
        `${one.session.id} true -`,
      );
      const { renewalCode } = await one.session.rotate();
      expect(await greeting(query.server, {}, `/?token=${dead("A")}&token=${renewalCode}`)).toMatch(
        new RegExp(`^${one.session.id} true ${one.session.id}\\.`),
      );
      const offered = await serve({ token: protocolToken() });
      const two = await offered.sessions.create({ n: 7 });
      const protocols = ["chat", `wsession.${dead("A")}`, "wsession.x", `wsession.${two.token}`];
      expect(await greeting(offered.server, { protocols })).toBe(`${two.session.id} true -`);
    });

    test("fault D4: a custom carrier with read alone works as before, and readAll is not called on a carrier whose read was replaced", async () => {
      const cookie = testCookie();
      const readAlone: TokenCarrier = { read: (handshake) => cookie.read(handshake) };
      const replaced: TokenCarrier = { ...cookie, read: ({ headers }) => headers["x-token"] };
      for (const token of [readAlone, replaced]) {
        const { sessions, server } = await serve({ token });
        const mine = await sessions.create({ n: 7 });
        const only = { headers: { cookie: `${COOKIE}=${mine.token}`, "x-token": mine.token } };
        expect(await greeting(server, only)).toBe(`${mine.session.id} true -`);
        const others = cookies(dead("A"), mine.token);
        const both = { headers: { ...others.headers, "x-token": dead("B") } };
        await expect(greeting(server, both)).rejects.toThrow("answered with 401");
      }
    });
  });
});
