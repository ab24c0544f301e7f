import type { BatchObservableResult, Meter, Observable } from "@opentelemetry/api";

/** Metrics are in seconds, and this library counts milliseconds. */
export const SECOND_MS = 1_000;

/** Registers one callback for several instruments. Returns a function that removes it. */
export function observe(
  meter: Meter,
  instruments: Observable[],
  callback: (result: BatchObservableResult) => void,
): () => void {
  meter.addBatchObservableCallback(callback, instruments);
  return () => meter.removeBatchObservableCallback(callback, instruments);
}
