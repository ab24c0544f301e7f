/** Redis hangs, or this process stalls, during the commit of a transaction. */
import { FramedPeer } from "@wsession/conformance";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import type { CommitRequest } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { redisStore } from "@wsession/store-redis";
import { describe, expect, onTestFinished, test } from "vitest";
import { connected } from "../packages/store-redis/test/processes.ts";
import { startRedis, until } from "../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";
import { newPrefix, openStore, redisClient } from "./stores.ts";

const shared = useRedisServer();
/** Longer than a busy machine stalls the calls that have to succeed. */
const TIMEOUT_MS = 1_500;
/** Longer than the store's time limit. */
const STANDSTILL_MS = 2_500;

/** A server whose handler adds 1. `act` is called once, before or after the first commit is sent. */
async function open(runtime: RuntimeName, port: number, when: "before" | "after", act: () => void) {
  const store = redisStore({ client: redisClient(port), prefix: newPrefix(), timeoutMs: TIMEOUT_MS });
  const commit = store.commit.bind(store);
  let isFirst = true;
  store.commit = (request: CommitRequest) => {
    const mayAct = isFirst;
    isFirst = false;
    if (mayAct && when === "before") act();
    const answer = commit(request);
    // The command is written in the turn after the call at the latest.
    if (mayAct && when === "after") setImmediate(() => void setImmediate(act));
    return answer;
  };
  const errors: unknown[] = [];
  const sessions = createSessions<{ readonly n: number }>({
    store,
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: (error) => errors.push(error),
  });
  const server = await serve(runtime, sessions, {
    transaction: (tx) => tx.update(({ n }) => ({ n: n + 1 })),
  });
  await connected({ store });
  const { session, token } = await sessions.create({ n: 0 });
  const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
  const dial = async () => FramedPeer.over(await connect(server, `/?token=${token}`, { protocols }));
  const stored = async () => (await sessions.get(session.id))?.data.n;

  /** Sends the first message. Resolves with its connection, and with `applied` or the close code, whichever came first. */
  const send = async () => {
    const peer = await dial();
    peer.attach({ session: session.id });
    await peer.until("hello");
    peer.sendCounted("add");
    const over = peer.client.closed.then(({ code }) => `closed ${code}`);
    const applied = peer.until("applied").then(
      () => "applied",
      () => over,
    );
    return { peer, reported: await Promise.race([applied, over]) };
  };
  /** Sends the message of `first` again on a new connection, and checks that it counts once. */
  const sendAgain = async (first: FramedPeer) => {
    const peer = await dial();
    peer.comeBack(first, { client: first.id, from: 1 });
    peer.sendCounted("add");
    await peer.until("applied");
    expect(await stored()).toBe(1);
    expect(errors.every((error) => isSessionError(error, "STORE_UNAVAILABLE"))).toBe(true);
  };
  return { stored, send, sendAgain };
}

async function aRedis() {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  return redis;
}

describe.each(runtimeNames)("%s", (runtime) => {
  test.each(["before", "after"] as const)(
    "fault B: I21 if Redis hangs right %s a commit is sent, the connection closes with 4503, and the repeated message counts once",
    async (when) => {
      const redis = await aRedis();
      const { stored, send, sendAgain } = await open(runtime, redis.port, when, () => redis.pause());
      const { peer, reported } = await send();
      redis.continue();
      await until(async () => (await stored()) !== undefined, 20_000);
      // Redis may have answered the commit before the signal arrived.
      if (reported === "applied") expect([when, await stored()]).toEqual(["after", 1]);
      else expect(reported).toBe("closed 4503");
      await sendAgain(peer);
    },
  );

  test("fault D: I21 staged data that can't be written to Redis is refused with NOT_SERIALISABLE, and the next message is handled", async () => {
    const mine = new Error("a trap");
    const errors: unknown[] = [];
    const store = openStore("redis", shared.port, { prefix: newPrefix() });
    const sessions = createSessions<{ readonly n: number }>({
      store,
      token: queryToken(),
      initial: () => ({ n: 0 }),
      onError: (error, { stage }) => errors.push([stage, error]),
    });
    const server = await serve(runtime, sessions, {
      transaction(tx, message) {
        const bad = {
          get n(): number {
            throw mine;
          },
        };
        tx.set(`${message}` === "bad" ? bad : { n: 1 });
      },
    });
    const peer = FramedPeer.over(await connect(server, "/", { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] }));
    peer.attach();
    await peer.until("hello");
    peer.sendCounted("bad");
    expect(await peer.until("refused")).toMatchObject({ number: 1, code: "NOT_SERIALISABLE" });
    expect(errors).toEqual([
      ["transaction", expect.objectContaining({ code: "NOT_SERIALISABLE", cause: mine })],
    ]);
    peer.sendCounted("good");
    await peer.until("applied", ({ number }) => number === 2);
  });

  test("fault B: I21 if this process is suspended during a commit, the client gets the true outcome, and its message counts once", async () => {
    const redis = await aRedis();
    const standStill = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STANDSTILL_MS);
    const { stored, send, sendAgain } = await open(runtime, redis.port, "after", standStill);
    const { peer, reported } = await send();
    // A commit that was not written to the socket before the standstill is out of time after it.
    if (reported === "applied") expect(await stored()).toBe(1);
    else expect(reported).toBe("closed 4503");
    await sendAgain(peer);
  }, 30_000);
});
