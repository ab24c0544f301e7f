import { runStoreCase, storeCases } from "@wsession/conformance";
import type { StoreHarness } from "@wsession/conformance";
import type { SessionStore } from "@wsession/core";
import { vi } from "vitest";

/** The subjects of the cases of transactions. */
export const TRANSACTION_SUBJECTS: readonly string[] = [
  "transactions",
  "the records of clients",
  "what a transaction changes",
];

/** A harness of a store in memory, with a fake clock. */
export function harnessOf(make: () => SessionStore, commits: boolean): StoreHarness {
  return {
    capabilities: { resumable: true, shared: false, values: "any", outbox: true },
    commits,
    lifetimes: true,
    health: true,
    tickMs: 1_000,
    open() {
      vi.useFakeTimers({ toFake: ["Date", "performance"] });
      const store = make();
      return {
        store: () => store,
        pass: (ms) => void vi.advanceTimersByTime(ms),
        close: () => void vi.useRealTimers(),
      };
    },
  };
}

/** The names of the cases in the store suite that the store fails. `isMeant` selects cases by their subject. */
export async function failedCases(
  harness: StoreHarness,
  isMeant: (subject: string) => boolean,
): Promise<string[]> {
  const names: string[] = [];
  for (const [subject, cases] of Object.entries(storeCases)) {
    if (!isMeant(subject)) continue;
    for (const one of cases) {
      if (one.applies?.(harness.capabilities, harness) === false) continue;
      await runStoreCase(one, harness).catch(() => names.push(one.name));
    }
  }
  return names;
}
