import type { StoreCapabilities } from "@wsession/core";
import {
  assertBoolean,
  assertDuration,
  assertMethods,
  assertOneOf,
  assertOptions,
  assertText,
} from "@wsession/core/runtime";
import type { AdapterHarness } from "./adapter-harness.ts";
import type { StoreHarness } from "./store-harness.ts";

/** The options of `runStoreCase`, `runAdapterCase`, `runClientCase`, and of the suites. */
export interface RunOptions {
  /**
   * The time limit of a case, in milliseconds.
   *
   * @default 10_000 for a case of a store or an adapter, 15_000 for a case of a client
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Checks a harness. A mistyped property must not pass unnoticed, because the suite would then skip cases.
 *
 * @throws INVALID_ARGUMENT for an invalid harness.
 */
export function checkAdapterHarness(name: string, harness: AdapterHarness): void {
  assertText("testAdapter: name", name);
  assertMethods("testAdapter: harness", harness, "an AdapterHarness", ["listen"]);
  assertText("harness.runtime", harness.runtime);
  assertBoolean("harness.pauses", harness.pauses);
  assertBoolean("harness.keepsEagerFrames", harness.keepsEagerFrames);
  if (harness.fragments !== undefined) assertBoolean("harness.fragments", harness.fragments);
}

export function checkStoreHarness(name: string, harness: StoreHarness): void {
  assertText("testStore: name", name);
  assertMethods("testStore: harness", harness, "a StoreHarness", ["open"]);
  assertDuration("harness.tickMs", harness.tickMs);
  const { resumable, shared, values, outbox }: Partial<StoreCapabilities> = harness.capabilities ?? {};
  assertBoolean("harness.capabilities.resumable", resumable);
  assertBoolean("harness.capabilities.shared", shared);
  assertOneOf("harness.capabilities.values", values, ["any", "json"]);
  if (outbox !== undefined) assertBoolean("harness.capabilities.outbox", outbox);
  if (harness.commits !== undefined) assertBoolean("harness.commits", harness.commits);
  if (harness.presence !== undefined) assertBoolean("harness.presence", harness.presence);
  if (harness.lifetimes !== undefined) assertBoolean("harness.lifetimes", harness.lifetimes);
  if (harness.health !== undefined) assertBoolean("harness.health", harness.health);
}

export function checkRunOptions(options: RunOptions): void {
  assertOptions("RunOptions", options, ["timeoutMs"]);
  if (options.timeoutMs !== undefined) assertDuration("timeoutMs", options.timeoutMs);
}
