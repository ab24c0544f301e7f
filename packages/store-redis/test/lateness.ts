// How much a busy machine delays this process and a server. Without it, a bound of the product could be checked on an idle machine only.
import { Redis } from "ioredis";
import { onTestFinished } from "vitest";

const PAUSE_MS = 10;
/**
 * Of a pause and a round trip on an idle machine, and one more millisecond. With 15 a machine that took four milliseconds longer each time
 * counted as idle, although it stood still for a quarter of the time.
 */
const USUAL_MS = 12;

export interface Lateness {
  (): number;
  /** Ends the measurement. The end of the test does too. */
  stop(): void;
}

/**
 * Starts to measure. The function returns for how many milliseconds in total this process or `other` has stood still since then. Subtract that
 * from the time that an operation took. `other` is a Redis server, or a call that another process answers at once.
 */
export function startLateness(other?: { readonly port: number } | (() => Promise<unknown>)): Lateness {
  const client = typeof other === "object" ? new Redis(other.port, "127.0.0.1") : undefined;
  client?.on("error", () => undefined);
  const ask = typeof other === "function" ? other : () => client?.ping();
  const measuring = new AbortController();
  let lateMs = 0;
  let from = performance.now();
  const measure = async (): Promise<void> => {
    while (!measuring.signal.aborted) {
      from = performance.now();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      try {
        await ask();
      } catch {
        // The test has ended.
      }
      lateMs += Math.max(0, performance.now() - from - USUAL_MS);
    }
  };
  void measure();
  const stop = (): void => {
    measuring.abort();
    client?.disconnect();
  };
  onTestFinished(stop);
  return Object.assign(() => lateMs + Math.max(0, performance.now() - from - USUAL_MS), { stop });
}
