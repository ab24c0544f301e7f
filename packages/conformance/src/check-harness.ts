import type { StoreCapabilities } from "@wsession/core";
import {
  assertBoolean,
  assertDuration,
  assertMethods,
  assertNames,
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
  assertNames("harness", harness, ["listen", "runtime", "pauses", "keepsEagerFrames", "fragments"]);
  assertText("harness.runtime", harness.runtime);
  assertBoolean("harness.pauses", harness.pauses);
  assertBoolean("harness.keepsEagerFrames", harness.keepsEagerFrames);
  if (harness.fragments !== undefined) assertBoolean("harness.fragments", harness.fragments);
}

const STORE_HARNESS = ["open", "tickMs", "capabilities", "commits", "presence", "lifetimes", "health"];

export function checkStoreHarness(name: string, harness: StoreHarness): void {
  assertText("testStore: name", name);
  assertMethods("testStore: harness", harness, "a StoreHarness", ["open"]);
  assertNames("harness", harness, STORE_HARNESS);
  assertDuration("harness.tickMs", harness.tickMs);
  assertOptions("harness.capabilities", harness.capabilities, ["resumable", "shared", "values", "outbox"]);
  const { resumable, shared, values, outbox }: Partial<StoreCapabilities> = harness.capabilities;
  assertBoolean("harness.capabilities.resumable", resumable);
  assertBoolean("harness.capabilities.shared", shared);
  assertOneOf("harness.capabilities.values", values, ["any", "json"]);
  if (outbox !== undefined) assertBoolean("harness.capabilities.outbox", outbox);
  if (harness.commits !== undefined) assertBoolean("harness.commits", harness.commits);
  if (harness.presence !== undefined) assertBoolean("harness.presence", harness.presence);
  if (harness.lifetimes !== undefined) assertBoolean("harness.lifetimes", harness.lifetimes);
  if (harness.health !== undefined) assertBoolean("harness.health", harness.health);
}

/** Checks the arguments of a function that runs one case. `method` is the method of every harness of this kind. */
export function checkRun(
  one: { readonly name: string },
  harness: object,
  method: string,
  options: RunOptions,
): void {
  checkRunOptions(options);
  assertMethods("the case", one, "a case of the suite", ["run"]);
  assertText("the name of the case", one.name);
  assertMethods("the harness", harness, "a harness of the suite", [method]);
}

function checkRunOptions(options: RunOptions): void {
  assertOptions("RunOptions", options, ["timeoutMs"]);
  if (options.timeoutMs !== undefined) assertDuration("timeoutMs", options.timeoutMs);
}
