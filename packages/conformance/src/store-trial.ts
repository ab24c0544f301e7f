import type { StoreCapabilities } from "@wsession/core";
import type { StoreBacking, StoreHarness } from "./store-harness.ts";
import { StoreProcess } from "./store-process.ts";
import { checkRun } from "./check-harness.ts";
import type { RunOptions } from "./check-harness.ts";
import { runCase } from "./run-case.ts";

/** One case of the suite for stores. */
export interface StoreCase {
  /** A sentence about behaviour that cites the invariant it checks. */
  readonly name: string;
  /** Whether the case applies to this store; if absent, to every store. */
  readonly applies?:
    | ((
        capabilities: StoreCapabilities,
        harness?: Pick<StoreHarness, "commits" | "presence" | "lifetimes" | "health">,
      ) => boolean)
    | undefined;
  /** Rejects if the store violates the sentence of `name`. */
  readonly run: (trial: StoreTrial) => Promise<void>;
}

/** The stores and processes of one case, on one backing, and its clock. */
export class StoreTrial {
  /** The store under test. */
  readonly harness: StoreHarness;
  readonly #backing: StoreBacking;
  readonly #processes: StoreProcess[] = [];
  readonly #startedAt = Date.now();
  #passedMs = 0;
  #usesTime = false;

  private constructor(harness: StoreHarness, backing: StoreBacking) {
    this.harness = harness;
    this.#backing = backing;
  }

  /** Creates a trial on an empty backing. */
  static async open(harness: StoreHarness): Promise<StoreTrial> {
    return new StoreTrial(harness, await harness.open());
  }

  /** Starts another process with a store of its own. */
  async process(): Promise<StoreProcess> {
    const started = new StoreProcess(await this.#backing.store());
    this.#processes.push(started);
    return started;
  }

  /** Two processes if the store is shared; otherwise the same process twice. */
  async processes(): Promise<readonly [StoreProcess, StoreProcess]> {
    const first = await this.process();
    return [first, this.harness.capabilities.shared ? await this.process() : first];
  }

  /** Converts ticks to milliseconds. */
  ticks(count: number): number {
    this.#usesTime = true;
    return count * this.harness.tickMs;
  }

  /** Advances the time by ticks. */
  async pass(count: number): Promise<void> {
    this.#passedMs += this.ticks(count);
    await this.#backing.pass(this.ticks(count));
  }

  /**
   * Whether the steps of a case with deadlines took more than half a tick longer than the time that it let pass. A deadline may then have
   * come before the step that was meant to come first.
   */
  get wasLate(): boolean {
    return this.#usesTime && Date.now() - this.#startedAt - this.#passedMs > this.ticks(0.5);
  }

  /** Closes the stores, then the backing. */
  async dispose(): Promise<void> {
    for (const { store } of this.#processes) await store.close();
    await this.#backing.close();
  }
}

/** How often a case runs whose steps were late each time. */
const MAX_RUNS = 3;

/**
 * Runs one case. Rejects if the store violates it. On a real clock a busy machine may delay the steps of a case past a deadline.
 * The failure of such a run is no evidence against the store, so the case runs again.
 *
 * @throws INVALID_ARGUMENT at once for a wrong argument.
 */
export function runStoreCase(one: StoreCase, harness: StoreHarness, options: RunOptions = {}): Promise<void> {
  checkRun(one, harness, "open", options);
  let wasLate = false;
  const noted: StoreCase = {
    name: one.name,
    async run(trial) {
      wasLate = false;
      try {
        await one.run(trial);
      } catch (error) {
        wasLate = trial.wasLate;
        throw error;
      }
    },
  };
  const run = (runs: number): Promise<void> =>
    runCase(noted, () => StoreTrial.open(harness), options, 10_000).catch((error: unknown) => {
      if (!wasLate || runs === MAX_RUNS) throw error;
      return run(runs + 1);
    });
  return run(1);
}
