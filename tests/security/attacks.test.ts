import { deferred, Journal, until } from "@wsession/conformance";
import type { AdapterServer, RawClient } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import {
  closedOf,
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
import type { StoreName } from "./support.ts";

// Elsewhere in this folder, under the names of the issue: cross-site hijack by Origin (origins), token reuse after
// rotation (renewal), a token echoed back as a subprotocol (subprotocols), a slow client that never reads (limits),
// Redis key injection through an id of the application's (admission), session fixation by renewal code (renewal).

const redis = useRedis();

interface Note {
  readonly note: string;
}

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  const serving = (store: StoreName): SessionsOptions<Note> & { initial: () => Note } => ({
    store: storeOf(store, redis),
    token: testCookie(),
    initial: () => ({ note: "fresh" }),
  });

  describe.each(storeNames)("with the %s store", (store) => {
    test("session fixation: an id that a client made up is never adopted, alone or in a token", async () => {
      const sessions = createSessions(serving(store));
      const server = await trialOf().serve(sessions, { open: (conn) => void conn.send(conn.session.id) });
      const id = "A".repeat(22);
      for (const planted of [id, `${id}.`, `${id}.${"B".repeat(43)}`, `${id}.${"B".repeat(43)}=`]) {
        const client = await trialOf().connect(server, "/", withCookie(planted));
        expect(await client.next()).not.toBe(id);
        expect(cookieOf(client)).not.toContain(id);
      }
      expect(await sessions.get(id)).toBeUndefined();
      expect(sessions.diagnostics).toMatchObject({
        tokensMalformed: 3,
        tokensUnknown: 1,
        sessionsResumed: 0,
      });
    });

    test("session fixation: a token planted before the login is invalid at once after identify, and is reported as theft", async () => {
      const reports = new Journal<string>();
      const sessions = createSessions({
        ...serving(store),
        onBadToken: "refuse" as const,
        onError: (_, { stage, sessionId }) => reports.note(`${stage} of ${sessionId}`),
      });
      const server = await trialOf().serve(sessions, {
        async message(conn) {
          const { token } = await conn.session.identify("ada");
          conn.send(token);
        },
      });
      const planted = cookieOf(await trialOf().connect(server));
      const victim = await trialOf().connect(server, "/", withCookie(planted));
      victim.send("login");
      const own = String(await victim.next());
      const headers = [["cookie", `sid=${planted}`]] as const;
      expect(await trialOf().refused(server, { headers })).toMatchObject({
        status: 401,
        body: "session token refused",
      });
      expect(reports.entries).toEqual([`theft of ${own.split(".")[0]}`]);
      const back = await trialOf().connect(server, "/", withCookie(own));
      expect(cookieOf(back)).toBeUndefined();
      expect(own.split(".")[1]).not.toBe(String(planted).split(".")[1]);
    });

    test("token reuse after destroy: the session is gone for good, and its connections end with 4410", async () => {
      const sessions = createSessions({ ...serving(store), onBadToken: "refuse" as const });
      const server = await trialOf().serve(sessions, {});
      const client = await trialOf().connect(server);
      const token = cookieOf(client);
      const [{ session } = expect.fail()] = sessions.connections;
      expect(await session.destroy()).toBe(true);
      expect(await closedOf(client)).toBe(4410);
      const headers = [["cookie", `sid=${token}`]] as const;
      expect((await trialOf().refused(server, { headers })).status).toBe(401);
      await expect(session.patch({ note: "late" })).rejects.toMatchObject({ code: "SESSION_GONE" });
      expect(await sessions.get(session.id)).toBeUndefined();
      expect(sessions.diagnostics.tokensUnknown).toBe(1);
    });

    test("a guessed verifier for a selector that exists: refused, counted in diagnostics, harmless, and answered like an unknown selector", async () => {
      const sessions = createSessions({
        ...serving(store),
        onBadToken: "refuse" as const,
        exclusive: true,
        destroyOnTheft: true,
      });
      const server = await trialOf().serve(sessions, {});
      const client = await trialOf().connect(server);
      const token = String(cookieOf(client));
      const [{ session } = expect.fail()] = sessions.connections;
      const answers = new Set<string>();
      const unknown = `${"A".repeat(22)}.${"B".repeat(43)}`;
      for (const guessed of [guess(token), `${session.id}.${"A".repeat(43)}`, unknown]) {
        const { status, headers, body } = await trialOf().refused(server, {
          headers: [["cookie", `sid=${guessed}`]],
        });
        answers.add(JSON.stringify([status, headers.filter(([name]) => name !== "date"), body]));
      }
      expect(answers.size).toBe(1);
      expect(sessions.diagnostics).toMatchObject({ tokensWrong: 2, tokensUnknown: 1, tokensStolen: 0 });
      expect(client.socket.readyState).toBe(client.socket.OPEN);
      await session.patch({ note: "the fence was not raised" });
      expect(session.version).toBe(2);
      expect((await sessions.presence(session.id)).connections).toBe(1);
    });

    test("`__proto__` in session data: it is refused, nothing is polluted, and the session is as it was", async () => {
      const sessions = createSessions<Record<string, unknown>>({ store: storeOf(store, redis) });
      const { session } = await sessions.create({ note: "kept" });
      for (const name of ["__proto__", "constructor", "prototype"]) {
        const data: Record<string, unknown> = JSON.parse(`{"${name}": {"polluted": true}}`);
        for (const write of [
          () => session.set(data),
          () => session.patch(data),
          () => session.update(() => data),
          () => sessions.create(data),
        ])
          await expect(write()).rejects.toMatchObject({ code: "INVALID_DATA", outcome: "not-applied" });
      }
      expect("polluted" in {}).toBe(false);
      expect(Object.getPrototypeOf(session.data)).toBe(Object.prototype);
      expect(await session.refresh()).toEqual({ note: "kept" });
      expect(session.version).toBe(1);
    });
  });

  test("a guess changes no byte in Redis: no touch, no fence, no holder, no version", async () => {
    const client = redis.connect();
    const prefix = `guess-${harness.runtime}`;
    const sessions = createSessions({
      ...serving("map"),
      store: redis.store(prefix),
      idleMs: 60_000,
      exclusive: true,
    });
    const server = await trialOf().serve(sessions, {});
    const { session, token } = await sessions.create({ note: "kept" });
    const rotated = await session.rotate();
    const key = `${prefix}:s:{${session.id}}`;
    const stored = async () => [
      await client.hgetall(key),
      await client.pexpiretime(key),
      (await client.keys(`${prefix}:s:*`)).length,
    ];
    const before = await stored();
    for (const guessed of [guess(token), guess(rotated.token), guess(rotated.renewalCode)]) {
      const headers = [["cookie", `sid=${guessed}`]] as const;
      const raw = await trialOf().rawUpgraded(server, { path: `/?renewal=${guessed}`, headers });
      raw.destroy();
    }
    // Each guess got a new session, and this session is as before.
    const [hash, expiry, count] = await stored();
    expect([hash, expiry]).toEqual(before.slice(0, 2));
    expect(count).toBe(4);
  });

  test("Redis key injection through an id: no token, however made, reaches a key outside the prefix", async () => {
    const client = redis.connect();
    await client.flushall();
    const sessions = createSessions({
      store: redis.store("inside"),
      token: queryToken(),
      initial: () => ({ note: "" }),
    });
    const server = await trialOf().serve(sessions, {});
    await client.set("outside:s:{x}", "untouched");
    const verifier = "A".repeat(43);
    for (const id of [
      "*",
      "}:{outside",
      "../outside:s:{x",
      "x}\r\nDEL outside:s:{x}\r\n",
      "\0".repeat(22),
      "a".repeat(21) + "\n",
      ":".repeat(22),
    ])
      await trialOf().connect(server, `/?token=${encodeURIComponent(`${id}.${verifier}`)}`);
    const keys = await client.keys("*");
    expect(keys.filter((key) => !key.startsWith("inside:"))).toEqual(["outside:s:{x}"]);
    expect(await client.get("outside:s:{x}")).toBe("untouched");
    expect(sessions.diagnostics.tokensMalformed).toBe(7);
  });

  test("an oversized cookie is refused by the runtime or ignored, and the server keeps running", async () => {
    const sessions = createSessions(serving("map"));
    const server = await trialOf().serve(sessions, {});
    const token = cookieOf(await trialOf().connect(server));
    for (const bytes of [1_000, 3_000, 15_000, 17_000, 100_000, 400_000]) {
      const raw = trialOf().raw(server);
      raw.upgrade({ headers: [["cookie", `filler=${"x".repeat(bytes)}; sid=${token}`]] });
      const { status } = await raw.response;
      if (bytes < 16_000) expect(status).toBe(101);
      // 0: the runtime hung up while the client was still sending.
      else expect([431, 0]).toContain(status);
    }
    await trialOf().connect(server, "/", withCookie(token));
    expect(sessions.diagnostics.handshakesPending).toBe(0);
  });

  /**
   * Connects 250 at a time, and waits until the runtime has accepted them: the kernel queues 511 for a runtime, and may
   * reset some of those that come while the queue is full.
   */
  async function connectedPeers(server: AdapterServer, count: number): Promise<RawClient[]> {
    const peers: RawClient[] = [];
    while (peers.length < count) {
      peers.push(...Array.from({ length: 250 }, () => trialOf().raw(server)));
      // The queue is in order: if this request is answered, the runtime has accepted the peers before it.
      const last = trialOf().raw(server);
      last.write(Buffer.from("malformed\r\n\r\n"));
      await last.closed;
    }
    return peers;
  }

  test("thousands of half-open handshakes: those over the limit are refused, the waiting ones leave nothing behind, and others are served", async () => {
    const store = mapStore();
    const answer = deferred();
    const sessions = createSessions({
      ...serving("map"),
      store,
      maxPendingHandshakes: 1_500,
      admit: ({ url }) =>
        url === "/honest" ? { type: "accept" } : answer.promise.then(() => ({ type: "accept" as const })),
    });
    const server = await trialOf().serve(sessions, {});
    // These peers never finish the HTTP request. The runtime alone handles them; core gets no call.
    const unfinished = await connectedPeers(server, 1_000);
    for (const peer of unfinished)
      peer.write(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Slow: "));
    const waiting = await connectedPeers(server, 2_000);
    const statuses = new Journal<number>();
    for (const peer of waiting) {
      peer.upgrade();
      void peer.response.then(({ status }) => statuses.note(status));
    }
    await statuses.until(500);
    expect(new Set(statuses.entries)).toEqual(new Set([503]));
    expect(sessions.diagnostics).toMatchObject({ handshakesPending: 1_500, handshakesRefused: 500 });
    for (const peer of [...waiting, ...unfinished]) peer.socket.resetAndDestroy();
    answer.resolve();
    // A decided handshake is no longer pending. The runtime opens it or finds its peer gone a little later.
    const settled = () => sessions.diagnostics.handshakesAccepted + sessions.diagnostics.handshakesAbandoned;
    await until(() => settled() === 1_500);
    expect(sessions.diagnostics.handshakesPending).toBe(0);
    await until(() => sessions.connections.size === 0);
    await trialOf().connect(server, "/honest");
    expect(sessions.connections.size).toBe(1);
    const { handshakesAccepted, connectionsClosed } = sessions.diagnostics;
    expect(settled()).toBe(1_501);
    expect(connectionsClosed).toBe(handshakesAccepted - 1);
    expect(store.size).toBe(handshakesAccepted);
  });
});
