/** Transactions that are overtaken between the handler and the commit, or during the commit. */
import { FramedPeer } from "@wsession/conformance";
import type { ServerFrame } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { describe, expect, test } from "vitest";
import { newGap } from "./gaps.ts";
import type { Gap } from "./held.ts";
import { withGap } from "./held.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import type { StoreName } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

type Data = { readonly n: number };
type Served = { readonly sessions: Sessions<Data, unknown, never>; readonly port: number };

const redis = useRedisServer();
const PROTOCOLS = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
/** Of a session that expires in the gap. */
const SHORT_MS = 600;

interface Options {
  readonly prefix: string;
  readonly gap?: Gap;
  readonly when?: "before" | "after";
  readonly absoluteMs?: number | undefined;
  readonly exclusive?: "subject" | undefined;
}

/** One process of the application, whose handler adds 1. */
async function start(runtime: RuntimeName, name: StoreName, options: Options) {
  const { prefix, gap, when, absoluteMs, exclusive = true } = options;
  const own = openStore(name, redis.port, { prefix });
  const errors: unknown[] = [];
  const sessions = createSessions<Data>({
    store: gap === undefined ? own : withGap(own, "commit", when ?? "before", gap),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    exclusive,
    ...(absoluteMs === undefined ? {} : { absoluteMs }),
    onError: (error) => errors.push(error),
  });
  const { port } = await serve(runtime, sessions, {
    transaction(tx) {
      tx.update(({ n }) => ({ n: n + 1 }));
      tx.send("one more");
    },
  });
  return { sessions, port, errors };
}

async function dial({ port }: { readonly port: number }, token?: string): Promise<FramedPeer> {
  const path = token === undefined ? "/" : `/?token=${token}`;
  return FramedPeer.over(await connect({ port }, path, { protocols: PROTOCOLS }));
}

/** An attached client of ada. Its first numbered message is in the gap, or its connection ended before that. */
async function inTheGap(served: Served, gap: Gap) {
  const peer = await dial(served);
  peer.attach();
  const { session = expect.fail("no session") } = await peer.until("hello");
  const [connection = expect.fail("no connection")] = served.sessions.connections;
  const renewal = await connection.session.identify("ada");
  await peer.until("notice");
  peer.sendCounted("add");
  const ended = peer.client.closed.then(({ code }) => code);
  const isThere = await Promise.race([gap.reached.then(() => true), ended.then(() => false)]);
  return { peer, ended, isThere, id: session, token: renewal.token };
}

/** Reads what comes until the connection ends, or until `isEnough`. Returns all frames. */
async function reported(
  peer: FramedPeer,
  ended: Promise<number>,
  isEnough: (frame: ServerFrame) => boolean,
): Promise<readonly ServerFrame[]> {
  const over = ended.then(() => undefined);
  for (;;) {
    const frame = await Promise.race([peer.next().catch(() => undefined), over]);
    if (frame === undefined || isEnough(frame)) return peer.frames;
  }
}

const isApplied = (frame: ServerFrame) => frame.type === "applied";
/** `forgotten`: another subject's session has no records of the earlier subject's clients. */
const isSettled = (frame: ServerFrame) => isApplied(frame) || frame.type === "forgotten";
const wasApplied = (frames: readonly ServerFrame[]) => frames.some(isApplied);

interface Overtaker {
  readonly name: string;
  /** The close code of the connection; `undefined` where the connection stays. */
  readonly code: number | undefined;
  readonly absoluteMs?: number;
  readonly exclusive?: "subject";
  overtake(other: Served, own: Served, of: { readonly id: string; readonly token: string }): Promise<unknown>;
}

/** Ada logs in with another client, in a session of its own. */
async function logIn(served: Served): Promise<void> {
  const before = new Set(served.sessions.connections);
  const peer = await dial(served);
  peer.attach();
  await peer.until("hello");
  const newest = [...served.sessions.connections].find((connection) => !before.has(connection));
  await newest?.session.identify("ada");
}

const ends: readonly Overtaker[] = [
  { name: "destroy", code: 4410, overtake: ({ sessions }, _own, { id }) => sessions.destroy(id, "revoked") },
  {
    name: "destroySubject",
    code: 4410,
    overtake: ({ sessions }) => sessions.destroySubject("ada", "revoked"),
  },
  {
    name: "expiry",
    code: 4419,
    absoluteMs: SHORT_MS,
    overtake: async ({ sessions }, _own, { id }) => {
      while ((await sessions.get(id)) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  },
];

const stays: readonly Overtaker[] = [
  { name: "an exclusive takeover", code: 4409, overtake: (other, _own, { token }) => dial(other, token) },
  { name: "a login of the subject", code: 4409, exclusive: "subject", overtake: (other) => logIn(other) },
  {
    name: "identify of another subject",
    code: undefined,
    overtake: async ({ sessions }, _own, { id }) => (await sessions.get(id))?.identify("bob"),
  },
];

const combinations = runtimeNames.flatMap((runtime) =>
  (["before", "after"] as const).flatMap((when) => [
    { runtime, store: "map" as const, when, place: "here" },
    { runtime, store: "redis" as const, when, place: "here" },
    { runtime, store: "redis" as const, when, place: "elsewhere" },
  ]),
);

describe.each(combinations)("$runtime, $store store, $when the commit took effect, $place", (combination) => {
  const { runtime, store, when, place } = combination;

  async function prepare(absoluteMs?: number, exclusive?: "subject") {
    const gap = newGap();
    const prefix = newPrefix();
    const own = await start(runtime, store, { prefix, gap, when, absoluteMs, exclusive });
    const other = place === "here" ? own : await start(runtime, store, { prefix, absoluteMs, exclusive });
    return { gap, own, other, prefix };
  }

  test.each(ends)(
    "fault A1: I21 $name during a transaction ends its client with $code, and nothing is left",
    async ({ code, absoluteMs, overtake }) => {
      const { gap, own, other } = await prepare(absoluteMs);
      const { id, token, ended, isThere, peer } = await inTheGap(own, gap);
      // On a machine under load the session may expire before the message arrives.
      if (!isThere) return expect([absoluteMs, await ended]).toEqual([SHORT_MS, code]);
      await overtake(other, own, { id, token });
      gap.letGo();
      const frames = await reported(peer, ended, () => false);
      // The commit's answer says that the session is gone, before the deadline is looked at here.
      expect([code, 4410]).toContain(await ended);
      if (when === "before") expect(wasApplied(frames)).toBe(false);
      for (const { sessions } of [own, other]) expect(await sessions.get(id)).toBeUndefined();
      expect(own.sessions.connections.size).toBe(0);
      expect(unexpected(own.errors)).toEqual([]);
    },
  );

  test.each(stays)(
    "fault A1: I21 $name during a transaction: the client gets the true outcome, and its message counts once",
    async ({ code, exclusive, overtake }) => {
      const { gap, own, other } = await prepare(undefined, exclusive);
      const { id, token, ended, peer } = await inTheGap(own, gap);
      // In this process a renewal may wait for the commit.
      const overtaken = overtake(other, own, { id, token });
      if (code !== undefined) await overtaken;
      gap.letGo();
      const frames = await reported(peer, ended, isSettled);
      if (code !== undefined) expect(await ended).toBe(code);
      const renewal = await overtaken;
      const n = (await other.sessions.get(id))?.data.n;
      if (code === undefined) expect(n).toBe(wasApplied(frames) ? 1 : 0);
      else if (wasApplied(frames)) expect(n).toBe(1);
      else if (when === "after") expect(n).toBe(1);
      // A takeover of this process comes after the commit in progress. A takeover of another process comes before, and fences the commit.
      else expect(place === "elsewhere" ? [0] : [0, 1]).toContain(n);
      // The client comes back, and sends the message again.
      const newest = typeof Object(renewal).token === "string" ? String(Object(renewal).token) : token;
      const again = await dial(other, newest);
      again.comeBack(peer, { client: peer.id, from: 1 });
      again.sendCounted("add");
      await again.until(code === undefined ? "forgotten" : "applied");
      expect((await other.sessions.get(id))?.data.n).toBe(code === undefined ? n : 1);
      expect(unexpected(own.errors)).toEqual([]);
    },
  );

  test("fault A1: I21 close() during a transaction waits for the commit, and the outcome for the client is stored", async () => {
    const { gap, own, other, prefix } = await prepare();
    const { id, token, ended, peer } = await inTheGap(own, gap);
    const closing = own.sessions.close();
    gap.letGo();
    const frames = await reported(peer, ended, () => false);
    await closing;
    expect(await ended).toBe(1012);
    expect(unexpected(own.errors)).toEqual([]);
    if (store === "map") return;
    const later = place === "here" ? await start(runtime, store, { prefix }) : other;
    const n = (await later.sessions.get(id))?.data.n;
    if (wasApplied(frames)) expect(n).toBe(1);
    const again = await dial(later, token);
    again.comeBack(peer, { client: peer.id, from: 1 });
    again.sendCounted("add");
    await again.until("applied");
    expect((await later.sessions.get(id))?.data.n).toBe(1);
  });
});

/** Errors that do not only say that the session or the connection has ended. */
function unexpected(errors: readonly unknown[]): readonly unknown[] {
  const codes = ["SESSION_GONE", "FENCED", "CONNECTION_CLOSED"] as const;
  return errors.filter((error) => !codes.some((code) => isSessionError(error, code)));
}
