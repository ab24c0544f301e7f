import type { SessionStore, StoreHealth } from "@wsession/core";
import { expect } from "vitest";
import type { StoreCase } from "../store-trial.ts";
import { delay } from "../waiting.ts";

const LIMIT_MS = 2_000;

/** The optional method `health` of a store. */
export const healthCases: readonly StoreCase[] = [
  {
    name: "health: the store is ok in each process that can call it, and each member has its type",
    applies: (_capabilities, harness) => harness?.health === true,
    async run(trial) {
      for (const process of new Set(await trial.processes())) {
        await process.born();
        const { ok, role, latencyMs, subscription, lease } = await untilOk(process.store);
        expect(ok).toBe(true);
        expect([undefined, "primary"]).toContain(role);
        expect([undefined, "number"]).toContain(latencyMs === undefined ? undefined : typeof latencyMs);
        expect(latencyMs ?? 0).toBeGreaterThanOrEqual(0);
        expect(latencyMs ?? 0).toBeLessThanOrEqual(LIMIT_MS);
        for (const member of [subscription, lease]) expect([undefined, true]).toContain(member);
      }
    },
  },
];

/** A process may need a moment to connect, and to subscribe. The time limit of the case bounds it. */
async function untilOk(store: SessionStore): Promise<StoreHealth> {
  for (;;) {
    const health = await store.health?.(LIMIT_MS);
    if (typeof health?.ok !== "boolean") throw new Error("health answered no StoreHealth");
    if (health.ok) return health;
    await delay(10);
  }
}
