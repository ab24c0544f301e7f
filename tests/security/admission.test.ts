import { deferred, Journal, until } from "@wsession/conformance";
import { accept, createSessions, mapStore, reject } from "@wsession/core";
import type { Admission, SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import {
  cookieOf,
  runtimes,
  storeNames,
  storeOf,
  testCookie,
  useRedis,
  useTrial,
  withCookie,
} from "./support.ts";

const redis = useRedis();

/** What an application without types may answer. */
function untyped(answer: unknown): Admission {
  return JSON.parse(JSON.stringify(answer));
}

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test.each([false, true, null, 0, {}, { type: "reject " }, { type: "ok" }])(
    "admit that answers %j, which is not an admission, refuses with 500, so that a mistake admits no client",
    async (answer) => {
      const errors = new Journal<string>();
      const admit = () => untyped(answer);
      const sessions = createSessions({ admit, onError: (_, { stage }) => errors.note(stage) });
      const server = await trialOf().serve(sessions, {});
      expect((await trialOf().refused(server)).status).toBe(500);
      expect(errors.entries).toEqual(["admit"]);
    },
  );

  test.each(["", 7, null, {}])(
    "admit that gives the invalid subject %j refuses with 500",
    async (subject) => {
      const reports = new Journal<string>();
      const sessions = createSessions({
        store: mapStore(),
        admit: () => untyped({ type: "accept", subject }),
        initial: () => ({}),
        onError: (error, { stage }) => reports.note(`${stage}: ${error}`),
      });
      const server = await trialOf().serve(sessions, {});
      expect((await trialOf().refused(server)).status).toBe(500);
      expect(reports.entries).toEqual([
        expect.stringMatching(/^admit: .*subject must be a string that is not empty/),
      ]);
      expect(sessions.diagnostics.sessionsCreated).toBe(0);
    },
  );

  test("a refusal is plain text, whatever its reason contains, and can't split the answer", async () => {
    const reason = "<script>x</script>\r\nset-cookie: sid=planted\r\n\r\n";
    const sessions = createSessions({ admit: () => reject(418, reason) });
    const server = await trialOf().serve(sessions, {});
    const { status, headers, body } = await trialOf().refused(server);
    expect(status).toBe(418);
    expect(new Map(headers).get("content-type")).toMatch(/^text\/plain/);
    expect(headers.some(([name]) => name === "set-cookie")).toBe(false);
    expect(body).toBe(reason);
  });

  test.each(["a\r\nset-cookie: x=y", "a\nb", "a\0b", "\u007f"])(
    "a header of the answer with the value %j is refused: it could split the answer",
    async (value) => {
      const reports = new Journal<string>();
      const sessions = createSessions({
        admit: () => accept({ headers: { "x-echo": value } }),
        onError: (error, { stage }) => reports.note(`${stage}: ${error}`),
      });
      const server = await trialOf().serve(sessions, {});
      expect((await trialOf().refused(server)).status).toBe(500);
      expect(reports.entries).toEqual([expect.stringMatching(/^admit: .*"x-echo" must not have characters/)]);
    },
  );

  test("a header whose characters would be line breaks if they were cut to a byte does not split the answer", async () => {
    const sessions = createSessions({
      admit: () => accept({ headers: { "x-echo": "a\u010d\u010aset-cookie: x=y" } }),
    });
    const server = await trialOf().serve(sessions, {});
    const raw = await trialOf().rawUpgraded(server);
    const names = (await raw.response).headers.map(([name]) => name);
    expect(names).toContain("x-echo");
    expect(names).not.toContain("set-cookie");
  });

  describe.each(storeNames)("with the %s store", (store) => {
    const options = (): SessionsOptions<{ who: string }> => ({
      store: storeOf(store, redis),
      token: testCookie(),
    });

    test("a token does not open another subject's session: the user who logged in gets a session of their own", async () => {
      let who: string | undefined = "ada";
      const sessions = createSessions({
        ...options(),
        admit: () => (who === undefined ? accept() : accept({ subject: who })),
        initial: () => ({ who: who ?? "nobody" }),
      });
      const observed = new Journal();
      const server = await trialOf().serve(sessions, {
        open: ({ session, resumed }) => observed.note(`${session.data.who} ${session.subject} ${resumed}`),
      });
      const cookie = cookieOf(await trialOf().connect(server));
      await trialOf().connect(server, "/", withCookie(cookie));
      who = "eve";
      const fresh = await trialOf().connect(server, "/", withCookie(cookie));
      expect(cookieOf(fresh)).toMatch(/\S/);
      expect(cookieOf(fresh)).not.toBe(cookie);
      who = undefined;
      const anonymous = cookieOf(await trialOf().connect(server));
      who = "bob";
      await trialOf().connect(server, "/", withCookie(anonymous));
      who = "ada";
      await trialOf().connect(server, "/", withCookie(cookie));
      await observed.until(6);
      expect(observed.entries).toEqual([
        "ada ada false",
        "ada ada true",
        "eve eve false",
        "nobody undefined false",
        // Planted before the login, an anonymous session is not the subject's either (fixation).
        "bob bob false",
        "ada ada true",
      ]);
      expect(sessions.diagnostics.tokensForeign).toBe(2);
    });

    test("a session that the application names is resumed without a token, unless the session is another subject's", async () => {
      let name: { sessionId: string; subject?: string } = { sessionId: "" };
      const sessions = createSessions({
        ...options(),
        admit: () => accept(name),
        initial: () => ({ who: "new" }),
      });
      const observed = new Journal();
      const server = await trialOf().serve(sessions, {
        open: ({ session }) => observed.note(`${session.data.who} ${session.subject}`),
      });
      const { session } = await sessions.create({ who: "ada" });
      name = { sessionId: session.id, subject: "ada" };
      await trialOf().connect(server);
      await session.identify("ada");
      await trialOf().connect(server);
      name = { sessionId: session.id, subject: "eve" };
      await trialOf().connect(server);
      await observed.until(3);
      expect(observed.entries).toEqual(["ada ada", "ada ada", "new eve"]);
    });

    test.each(["", "../x", "a:b", "}x{", "a\r\nFLUSHALL", "__proto__", "x".repeat(65), "*", "é"])(
      "an invalid id, %j, is absent everywhere: it reaches no store (Redis key injection through an id)",
      async (id) => {
        const sessions = createSessions({
          ...options(),
          admit: () => accept({ sessionId: id }),
          initial: () => ({ who: "new" }),
        });
        const { session } = await sessions.create({ who: "known" });
        expect(await sessions.get(id)).toBeUndefined();
        expect(await sessions.destroy(id)).toEqual({ destroyed: 0, closed: 0, unreachable: [] });
        expect(await sessions.presence(id)).toEqual({ connections: 0, nodes: [], missing: [] });
        const server = await trialOf().serve(sessions, {
          open: (conn) => void conn.send(`${conn.session.data.who} ${conn.resumed}`),
        });
        const client = await trialOf().connect(server);
        expect(await client.next()).toBe("new false");
        expect((await sessions.get(session.id))?.data).toEqual({ who: "known" });
      },
    );
  });

  test("an admission whose client goes away meanwhile leaves nothing behind, whatever admit then returns", async () => {
    const asked = new Journal();
    const answer = deferred();
    const store = mapStore();
    const sessions = createSessions({
      store,
      token: testCookie(),
      admit: async () => {
        asked.note("asked");
        await answer.promise;
        return accept();
      },
      initial: () => ({}),
    });
    const server = await trialOf().serve(sessions, {});
    const peers = Array.from({ length: 50 }, () => trialOf().raw(server));
    for (const peer of peers) peer.upgrade();
    await asked.until(50);
    expect(sessions.diagnostics.handshakesPending).toBe(50);
    for (const peer of peers) peer.socket.resetAndDestroy();
    await Promise.all(peers.map((peer) => peer.closed));
    // The server answers a later peer after these peers: by then the server has processed their ends.
    const last = trialOf().raw(server);
    last.write(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    await last.response;
    answer.resolve();
    await until(() => sessions.diagnostics.handshakesPending === 0);
    await until(() => sessions.connections.size === 0 && store.size === 0);
  });
});
