import { isUint8Array } from "node:util/types";
import type { SendOutcome } from "../api/contract.ts";
import { assertNoMore } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import type { LifecycleContext } from "./context.ts";
import { ConnectionLifecycle } from "./lifecycle.ts";

/** Bytes in a millisecond, 64 kbit/s. A peer that reads as fast shows a sign of life between any two heartbeats. */
const SLOWEST_LINE = 8;
const MIN_PROBE_BYTES = 16 * 1024;
const MAX_PROBE_BYTES = 256 * 1024;

/** How much is written between two pings at most. */
export function probeBytesFor(heartbeatMs: number): number {
  if (heartbeatMs === 0) return Infinity;
  return Math.floor(Math.min(MAX_PROBE_BYTES, Math.max(MIN_PROBE_BYTES, heartbeatMs * SLOWEST_LINE)));
}

export interface SendingContext<Socket extends object> extends LifecycleContext<Socket> {
  readonly settings: LifecycleContext<Socket>["settings"] & { readonly maxBufferedBytes: number };
  /** How much is written between two pings at most: UTF-16 code units or bytes. */
  readonly probeBytes: number;
}

/** Sends a connection's messages to its peer, with backpressure and pings. */
export abstract class SendingConnection<Socket extends object> extends ConnectionLifecycle<Socket> {
  abstract override readonly context: SendingContext<Socket>;
  /** Something waits in this process to be sent; the runtime calls `drained` once nothing does. */
  #backedUp = false;
  /** What was written since the last ping: UTF-16 code units or bytes. */
  #unproved = 0;

  /** Everything was handed to the operating system after a `"queued"`. */
  protected abstract notifyDrained(): void;

  send(data: string | Uint8Array, surplus?: undefined): SendOutcome {
    // Not `instanceof`, because the bytes of another realm are bytes too.
    if (typeof data !== "string" && !isUint8Array(data))
      throw invalidArgument("send takes a string or a Uint8Array");
    if (surplus !== undefined) assertNoMore("send()", surplus);
    if (this.isEnding) return "closed";
    const { runtime, settings, diagnostics } = this.context;
    if (this.#backedUp) {
      const buffered = runtime.bufferedAmount(this.socket);
      const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
      if (buffered > 0 && buffered + bytes > settings.maxBufferedBytes) {
        diagnostics.sendsDropped += 1;
        return "dropped";
      }
    }
    const outcome = this.transmit(data);
    if (outcome === "dropped") diagnostics.sendsDropped += 1;
    return outcome;
  }

  /** Writes a message, however much waits. */
  protected transmit(data: string | Uint8Array): SendOutcome {
    return this.awaitDrainOf(this.write(data));
  }

  /** Writes several messages, however much waits: in one write where nothing has to stand between them. */
  protected transmitAll(messages: ReadonlyArray<string | Uint8Array>): void {
    const { runtime, probeBytes } = this.context;
    const total = messages.reduce((sum, { length }) => sum + length, 0);
    // Beyond that there are pings among them.
    if (messages.length < 2 || this.#unproved + total > probeBytes || runtime.sendAll === undefined)
      for (const message of messages) this.transmit(message);
    else {
      this.#unproved += total;
      this.awaitDrainOf(runtime.sendAll(this.socket, messages));
    }
  }

  /** As `transmit`, without compression: next to attacker-chosen text the compressed length would reveal a secret (CRIME). */
  protected transmitSecret(data: string): void {
    const { runtime } = this.context;
    this.awaitDrainOf(runtime.sendUncompressed?.(this.socket, data) ?? runtime.send(this.socket, data));
  }

  private awaitDrainOf(outcome: SendOutcome): SendOutcome {
    if (outcome === "queued" && !this.#backedUp) {
      this.#backedUp = true;
      this.context.runtime.awaitDrain(this.socket);
    }
    return outcome;
  }

  /**
   * Writes a message, with a ping after each stretch of `probeBytes`. Up to ten megabytes lie in the buffers of two operating
   * systems, unseen from here: only the pong to a ping among them shows how far a peer on a slow line has read.
   */
  private write(data: string | Uint8Array): SendOutcome {
    const { runtime, probeBytes } = this.context;
    const { length } = data;
    if (length > probeBytes && runtime.sendLong !== undefined) {
      this.#unproved = 0;
      return runtime.sendLong(this.socket, data, probeBytes);
    }
    const outcome = runtime.send(this.socket, data);
    this.#unproved += length;
    if (this.#unproved > probeBytes) {
      this.#unproved = 0;
      runtime.ping?.(this.socket);
    }
    return outcome;
  }

  get bufferedAmount(): number {
    return this.hasEnded ? 0 : this.context.runtime.bufferedAmount(this.socket);
  }

  drained(): void {
    if (!this.#backedUp) return;
    this.#backedUp = false;
    if (!this.hasEnded) this.notifyDrained();
  }
}
