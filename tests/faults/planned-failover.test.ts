import { expect, onTestFinished, test, vi } from "vitest";
import { isSessionError } from "@wsession/core";
import { isPrimary } from "../../packages/store-redis/test/cluster-nodes.ts";
import { cli, startSentinel, until } from "../../packages/store-redis/test/redis-server.ts";
import { openApplication } from "./application.mjs";

// Each step has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

const FAILOVER_MS = 30_000;
/** Longer than the failover and the steps of this test take on a busy machine. The test ends the pause itself. */
const PAUSE_MS = "90000";

test("a planned failover of Sentinel, with the writes of the old primary paused as operations.md says, loses no change", async () => {
  const { primary, replica, sentinels, name, stop } = await startSentinel();
  onTestFinished(stop);
  const redis = { kind: "sentinel", ports: sentinels.map(({ port }) => port), name } as const;
  const application = await openApplication({ redis });
  onTestFinished(() => application.close());
  const { id } = await application.create();
  const acknowledged: string[] = [];
  const stopping = new AbortController();
  let changes = 0;
  const lanes = [1, 2].map(async () => {
    while (!stopping.signal.aborted) {
      const value = String((changes += 1));
      try {
        await application.append({ id, value });
        acknowledged.push(value);
      } catch (error) {
        // The change waited for longer than `timeoutMs`.
        if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
      }
    }
  });
  await until(() => acknowledged.length > 20);

  await cli(primary.port, "client", "pause", PAUSE_MS, "WRITE");
  await until(async () => (await offsetOf(replica.port)) === (await offsetOf(primary.port)));
  await until(async () => {
    if (await isPrimary(replica)) return true;
    // On a busy machine Sentinel may have no recent report of the replica, and then refuses.
    await cli(sentinels[0]?.port ?? 0, "sentinel", "failover", name);
    return false;
  }, FAILOVER_MS);
  const before = acknowledged.length;
  await until(() => acknowledged.length > before + 20, FAILOVER_MS);
  await cli(primary.port, "client", "unpause");

  stopping.abort();
  await Promise.all(lanes);
  const list = (await application.read(id))?.data.list ?? [];
  expect(list).toEqual(expect.arrayContaining(acknowledged));
  expect(new Set(list).size).toBe(list.length);
});

async function offsetOf(port: number): Promise<string | undefined> {
  return /(?:slave|master)_repl_offset:(\d+)/.exec(await cli(port, "info", "replication"))?.[1];
}
