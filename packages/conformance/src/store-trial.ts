import type { StoreCapabilities } from "@wsession/core";
import type { StoreBacking, StoreHarness } from "./store-harness.ts";
import { StoreProcess } from "./store-process.ts";
import { checkRunOptions } from "./check-harness.ts";
import type { RunOptions } from "./check-harness.ts";
import { within } from "./waiting.ts";

export interface StoreCase {
  /** A sentence about behaviour, which cites the invariant that it checks. */
  readonly name: string;
  /** Absent: for every store. */
  readonly applies?: ((capabilities: StoreCapabilities) => boolean) | undefined;
  readonly run: (trial: StoreTrial) => Promise<void>;
}

/** What a case works with: a store in one process, others on the same backing, and time. */
export class StoreTrial {
  readonly harness: StoreHarness;
  readonly #backing: StoreBacking;
  readonly #processes: StoreProcess[] = [];

  private constructor(harness: StoreHarness, backing: StoreBacking) {
    this.harness = harness;
    this.#backing = backing;
  }

  static async open(harness: StoreHarness): Promise<StoreTrial> {
    return new StoreTrial(harness, await harness.open());
  }

  /** A process of its own, with a store of its own. */
  async process(): Promise<StoreProcess> {
    const started = new StoreProcess(await this.#backing.store());
    this.#processes.push(started);
    return started;
  }

  /** Two processes where the store is shared, else one under both names. */
  async processes(): Promise<readonly [StoreProcess, StoreProcess]> {
    const first = await this.process();
    return [first, this.harness.capabilities.shared ? await this.process() : first];
  }

  /** So many ticks in milliseconds. */
  ticks(count: number): number {
    return count * this.harness.tickMs;
  }

  /** Lets so many ticks pass. */
  async pass(count: number): Promise<void> {
    await this.#backing.pass(this.ticks(count));
  }

  async dispose(): Promise<void> {
    for (const { store } of this.#processes) await store.close();
    await this.#backing.close();
  }
}

/** Runs one case; rejects where the store does not behave as it says. A bad option throws INVALID_ARGUMENT at once. */
export function runStoreCase(one: StoreCase, harness: StoreHarness, options: RunOptions = {}): Promise<void> {
  checkRunOptions(options);
  return runCase(one, harness, options.timeoutMs ?? 10_000);
}

async function runCase({ name, run }: StoreCase, harness: StoreHarness, timeoutMs: number): Promise<void> {
  const trial = await StoreTrial.open(harness);
  try {
    await within(timeoutMs, name, run(trial));
  } finally {
    await trial.dispose();
  }
}
