import type { StoredSession } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { aCommit, CLIENT, committed } from "./fake-client.ts";
import { BEGINNING, readFrom, textsOf } from "./fake-reader.ts";
import { newSession } from "./kept-sessions.ts";
import { type Process, connected, startProcess } from "./processes.ts";
import { type RedisServer, cli, startRedis, until, untilCopied } from "./redis-server.ts";

async function redis(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis(args);
  onTestFinished(() => server.stop());
  return server;
}

/** Checks that the number, the change and the messages of a session agree. Returns the last settled number. */
async function agreed(process: Process, id: string): Promise<number> {
  const session: StoredSession = (await process.store.load(id)) ?? expect.fail("the session is gone");
  const settled = session.clients?.byClient.get(CLIENT)?.settled ?? 0;
  expect(session).toMatchObject({ version: settled + 1, data: { n: settled } });
  expect(session.outbox?.offset ?? 0).toBe(settled * 2);
  const texts = textsOf(await readFrom(process, id, BEGINNING));
  expect(texts).toEqual(Array.from({ length: settled * 2 }, (_, index) => `${index + 1}`));
  return settled;
}

const change = (number: number) => ({
  set: { n: number },
  messages: [`${number * 2 - 1}`, `${number * 2}`],
  bounds: { maxMessages: 1_000 },
});

test("I21, I22, I23 a server that is killed during commits has all acknowledged commits, and each other commit as a whole or not at all", async () => {
  const server = await redis(["--appendonly", "yes", "--appendfsync", "always"]);
  let number = 0;
  const owner = startProcess(server);
  await connected(owner);
  const id = await newSession(owner, { data: { n: 0 } });
  for (const acknowledged of [3, 9, 17]) {
    const process = startProcess(server, { timeoutMs: 1_000 });
    await connected(process);
    const killing = until(() => number >= acknowledged).then(() => server.kill());
    for (;;) {
      const result = await process.store
        .commit(aCommit(id, { number: number + 1 }, change(number + 1)))
        .catch(() => undefined);
      if (result?.type !== "committed") break;
      number += 1;
    }
    await killing;
    await process.store.close();
    await server.restart();
    const after = startProcess(server);
    await connected(after);
    const settled = await agreed(after, id);
    // The store has the commit that was in flight, or not. When it is sent again, it is settled once.
    expect([number, number + 1]).toContain(settled);
    const again = await after.store.commit(aCommit(id, { number: number + 1 }, change(number + 1)));
    expect(again.type).toBe(settled > number ? "settled" : "committed");
    number += 1;
    expect(await agreed(after, id)).toBe(number);
    await after.store.close();
  }
}, 60_000);

test("I21 after a restart from an older file, commit returns behind and changes nothing", async () => {
  const server = await redis(["--dbfilename", "dump.rdb"]);
  const process = startProcess(server);
  const id = await newSession(process, { data: { n: 0 } });
  await committed(process, id, { number: 1 }, change(1));
  await cli(server.port, "save");
  await committed(process, id, { number: 2 }, change(2));
  await committed(process, id, { number: 3 }, change(3));
  await process.store.close();
  await server.kill();
  await server.restart();

  const after = startProcess(server);
  await connected(after);
  const behind = await after.store.commit(aCommit(id, { number: 4 }, change(4)));
  expect(behind).toEqual({ type: "behind", settled: 1 });
  expect(await agreed(after, id)).toBe(1);
  // After the answer the caller continues from the store's number.
  await committed(after, id, { number: 2 }, change(2));
  expect(await agreed(after, id)).toBe(2);
}, 30_000);

test("I21, I22 after a failover that loses commits, the replica has a state between commits, and commit returns behind", async () => {
  const primary = await redis(["--repl-diskless-sync-delay", "0"]);
  const replica = await redis(["--replicaof", `${primary.host} ${primary.port}`]);
  const info = (server: RedisServer): Promise<string> => cli(server.port, "info", "replication");
  await until(async () => (await info(replica)).includes("master_link_status:up"));
  const process = startProcess(primary);
  const id = await newSession(process, { data: { n: 0 } });
  await untilCopied([primary, replica], id, 2);
  for (let number = 1; number <= 20; number += 1) {
    await committed(process, id, { number }, change(number));
    // Disconnect the replica in the middle: later commits are acknowledged by the primary and lost.
    if (number === 10) await cli(replica.port, "replicaof", "no", "one");
  }
  await primary.kill();
  const promoted = startProcess(replica);
  await connected(promoted);
  const settled = await agreed(promoted, id);
  expect(settled).toBeLessThanOrEqual(10);
  expect(await promoted.store.commit(aCommit(id, { number: 21 }, change(21)))).toEqual({
    type: "behind",
    settled,
  });
  expect(await agreed(promoted, id)).toBe(settled);
}, 30_000);
