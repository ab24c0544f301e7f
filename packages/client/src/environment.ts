/**
 * The globals of the platform that the client uses. Declared here, so that users need neither the types of the DOM nor those of
 * Node.
 */
import type { WebSocketClass } from "./contract.ts";

declare const setTimeout: (run: () => void, ms: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

type ChangeListener = (type: string, listener: () => void, capture: boolean) => void;

/** Each of these globals is absent on some platforms. */
interface Platform {
  readonly WebSocket?: WebSocketClass;
  readonly crypto?: { getRandomValues(bytes: Uint8Array): Uint8Array };
  readonly addEventListener?: ChangeListener;
  readonly removeEventListener?: ChangeListener;
}

// oxlint-disable-next-line eslint/no-shadow-restricted-names -- a declaration alone: the types of the DOM are not loaded
declare const globalThis: Platform;

export const platform: Platform = globalThis;

/** The longest delay of a timer. With more than 31 bits a timer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls `run` after `ms` milliseconds, at most 24 days. Returns a function that cancels the timer. */
export function startTimer(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS));
  return () => clearTimeout(timer);
}

/**
 * The random id of a page load: 16 characters, about 82 bits. The id is not a secret, so `Math.random` is enough without
 * `crypto`.
 */
export function randomId(): string {
  const bytes = Uint8Array.from({ length: 16 }, () => Math.random() * 256);
  platform.crypto?.getRandomValues(bytes);
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}

/**
 * Calls `wake` when the network or the page becomes available or unavailable, on platforms with such events. Returns a function
 * that stops it.
 */
export function onWake(wake: () => void): () => void {
  // visibilitychange is an event of the document. The window gets it in the capture phase.
  const types = ["online", "offline", "pageshow", "visibilitychange"];
  for (const type of types) platform.addEventListener?.(type, wake, true);
  return () => {
    for (const type of types) platform.removeEventListener?.(type, wake, true);
  };
}
