/** What the client uses of the platform. Declared here, since neither the DOM's types nor Node's are needed to use this package. */
import type { WebSocketClass } from "./contract.ts";

declare const setTimeout: (run: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;
declare const WebSocket: WebSocketClass | undefined;
declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array } | undefined;
declare const addEventListener: ((type: string, listener: () => void, capture: boolean) => void) | undefined;
declare const removeEventListener: (type: string, listener: () => void, capture: boolean) => void;

/** A timer of more than 31 bits ends at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs `run` in `ms` milliseconds, or in 24 days where that is less. Returns what cancels it. */
export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS));
  return () => clearTimeout(timer);
}

export function platformWebSocket(): WebSocketClass | undefined {
  return typeof WebSocket === "undefined" ? undefined : WebSocket;
}

/** 16 random characters, some 82 bits: an id of a page load. It is no secret, so React Native without `crypto` may guess. */
export function randomId(): string {
  const bytes = new Uint8Array(16).map(() => Math.random() * 256);
  if (typeof crypto !== "undefined") crypto.getRandomValues(bytes);
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}

/** Calls `wake` when the network, or the page, goes or is back. Returns what ends that. Where nothing tells, nothing happens. */
export function onWake(wake: () => void): () => void {
  // visibilitychange is an event of the document, which the window sees on its way there.
  const types = ["online", "offline", "pageshow", "visibilitychange"];
  if (typeof addEventListener === "undefined") return () => {};
  for (const type of types) addEventListener(type, wake, true);
  return () => {
    for (const type of types) removeEventListener(type, wake, true);
  };
}
