// The effect of WAIT: `npm run test:faults -- --wait`. Kills a primary whose replica lags, and promotes the replica. Measures the lost
// acknowledged changes and the cost of an acknowledgement. These are figures, not promises.
import { once } from "node:events";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { cli, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { type Application, openApplication } from "./application.mjs";
import { Proxy } from "./proxy.ts";

const CHANGES = 400;
const SESSIONS = 16;
const HOST = "127.0.0.1";

const lines: string[] = ["replication late by | WAIT | acknowledged | of them lost | median ms | 99 % ms"];

afterAll(() => console.log(["", ...lines].join("\n")));

/** Writes a key, then waits until a replica has it. Both commands are sent in one go, so nothing comes between them. */
async function markAndWait(client: Application["client"]): Promise<unknown> {
  const [, replicas] = await Promise.all([client.set("mark", "1"), client.wait(1, 1_000)]);
  return replicas;
}

for (const lateMs of [0, 20]) {
  for (const waits of [false, true]) {
    test(`replication ${lateMs} ms late, ${waits ? "WAIT 1" : "no WAIT"}`, async () => {
      const primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
      onTestFinished(() => primary.stop());
      const link = await Proxy.start(primary.port);
      onTestFinished(() => link.stop());
      const replica = await startRedis(["--replicaof", `${HOST} ${link.port}`]);
      onTestFinished(() => replica.stop());
      await until(async () =>
        (await cli(replica.port, "info", "replication")).includes("master_link_status:up"),
      );
      if (lateMs > 0) link.set({ type: "delay", ms: lateMs });

      const before = await openApplication({ redis: { kind: "standalone", port: primary.port } });
      onTestFinished(() => before.close());
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => before.create()));
      await before.client.call("WAIT", 1, 5_000);
      const acknowledged: { readonly id: string; readonly value: string }[] = [];
      const times: number[] = [];
      const over = new AbortController();
      // A closed client drops its unanswered commands.
      const isOver = once(over.signal, "abort").then(() => 0);
      const writers = sessions.map(async ({ id }) => {
        for (let write = 0; !over.signal.aborted; write += 1) {
          const startedAt = performance.now();
          const value = String(write);
          try {
            await before.append({ id, value });
            // The store has a connection of its own, and WAIT covers the earlier writes of the connection that sends it. Replication is one
            // stream, so a replica that has a later write has the change too.
            if (waits && Number(await Promise.race([markAndWait(before.client), isOver])) < 1) continue;
          } catch {
            return;
          }
          acknowledged.push({ id, value });
          times.push(performance.now() - startedAt);
        }
      });
      await until(() => acknowledged.length >= CHANGES, 60_000);
      await primary.kill();
      over.abort();
      before.client.disconnect();
      await Promise.all(writers);
      await cli(replica.port, "replicaof", "no", "one");

      const after = await openApplication({ redis: { kind: "standalone", port: replica.port } });
      onTestFinished(() => after.close());
      const left = new Map(
        await Promise.all(
          sessions.map(async ({ id }) => [id, new Set((await after.read(id))?.data.list)] as const),
        ),
      );
      const lost = acknowledged.filter(({ id, value }) => left.get(id)?.has(value) !== true).length;
      const sorted = times.toSorted((one, other) => one - other);
      const at = (part: number): string => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(1);
      lines.push(
        `${lateMs} ms | ${waits ? "1" : "none"} | ${acknowledged.length} | ${lost} | ${at(0.5)} | ${at(0.99)}`,
      );
      expect(waits && lost > 0).toBe(false);
    });
  }
}
