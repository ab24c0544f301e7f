// Faults of the network between the processes and Redis. Nothing may be lost.
import { onTestFinished } from "vitest";
import { startRedis, until } from "../../../packages/store-redis/test/redis-server.ts";
import type { Where } from "../application.mjs";
import type { RunningCampaign } from "../campaign.ts";
import { type Fault, Proxy } from "../proxy.ts";
import { again, alike, type FaultCase } from "./case.ts";

/** Each process has a proxy of its own. `bites` starts the fault, and resolves once the fault has had an effect. */
function network(
  name: string,
  fault: Fault,
  bites: (running: RunningCampaign, start: () => readonly Proxy[]) => Promise<unknown>,
): FaultCase {
  return {
    name,
    async start() {
      const server = await startRedis();
      onTestFinished(() => server.stop());
      const direct: Where = { kind: "standalone", port: server.port };
      const proxies = await Promise.all(alike(direct).map(() => Proxy.start(server.port)));
      onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.stop()))));
      const once = async (running: RunningCampaign): Promise<void> => {
        await bites(running, () => {
          for (const proxy of proxies) proxy.set(fault);
          return proxies;
        });
        for (const proxy of proxies) proxy.set({ type: "none" });
        if (fault.type === "drop") for (const proxy of proxies) proxy.cut();
      };
      return {
        workers: proxies.map(({ port }): Where => ({ kind: "standalone", port })),
        direct,
        faults: (running) => again(running, () => once(running), 150),
      };
    },
  };
}

export const networkCases: readonly FaultCase[] = [
  // A process with only reads in flight gets no unknown outcome: its connection is ended, and it sends nothing any more.
  network("replies dropped", { type: "drop" }, ({ workers, failures }, start) => failures(workers, start)),
  network("replies 15 ms late", { type: "delay", ms: 15 }, ({ progress }, start) => {
    start();
    return progress(100);
  }),
  network("connections cut in a reply", { type: "cut-in-reply" }, async (_, start) => {
    const proxies = start();
    const goals = proxies.map(({ counts }) => counts.cut + 3);
    await until(() => proxies.every(({ counts }, at) => counts.cut >= (goals[at] ?? 0)));
  }),
];
