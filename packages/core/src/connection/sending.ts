import { isUint8Array } from "node:util/types";
import type { SendOutcome } from "../api/contract.ts";
import { assertNoMore, messageError } from "../base/arguments.ts";
import type { LifecycleBinding } from "./binding.ts";
import { Flow } from "./flow.ts";
import { ConnectionLifecycle } from "./lifecycle.ts";

/** 64 kbit/s. A peer that reads at least this fast shows a sign of life between any two heartbeats. */
const MIN_BYTES_PER_MS = 8;
const MIN_PROBE_BYTES = 16 * 1024;
const MAX_PROBE_BYTES = 256 * 1024;

/** The most bytes that are written between two pings. */
export function probeBytesFor(heartbeatMs: number): number {
  if (heartbeatMs === 0) return Infinity;
  return Math.floor(Math.min(MAX_PROBE_BYTES, Math.max(MIN_PROBE_BYTES, heartbeatMs * MIN_BYTES_PER_MS)));
}

export interface SendingBinding<Socket extends object> extends LifecycleBinding<Socket> {
  readonly settings: LifecycleBinding<Socket>["settings"] & { readonly maxBufferedBytes: number };
  /** The most UTF-16 code units or bytes that are written between two pings. */
  readonly probeBytes: number;
}

/** Sends a connection's messages to its peer, with backpressure and pings. */
export abstract class SendingConnection<Socket extends object> extends ConnectionLifecycle<Socket> {
  abstract override readonly binding: SendingBinding<Socket>;
  /** The number of UTF-16 code units or bytes that were written since the last ping. */
  #bytesSinceProbe = 0;

  /** All data was handed to the operating system, after a `send` had returned `"queued"`. */
  protected abstract notifyDrained(): void;

  send(data: string | Uint8Array, surplus?: undefined): SendOutcome {
    // `instanceof` would refuse a Uint8Array of another realm.
    if (typeof data !== "string" && !isUint8Array(data)) throw messageError("send()", data);
    if (surplus !== undefined) assertNoMore("send()", surplus);
    if (this.isEnding) return "closed";
    const { runtime, settings, diagnostics } = this.binding;
    if ((this.flow & Flow.BackedUp) !== 0) {
      const buffered = runtime.bufferedAmount(this.socket);
      const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
      if (buffered > 0 && buffered + bytes > settings.maxBufferedBytes) {
        diagnostics.sendsDropped += 1;
        return "dropped";
      }
    }
    const outcome = this.transmitMessage(data);
    if (outcome === "dropped") diagnostics.sendsDropped += 1;
    return outcome;
  }

  /** Writes a message of the application. A connection over v1.wsession overrides the method, because its frames have a lead. */
  protected transmitMessage(data: string | Uint8Array): SendOutcome {
    return this.transmit(data);
  }

  /** As `transmit`, for a text behind a lead of one byte. `undefined` if the runtime can only send the lead and the text as one string. */
  protected transmitWithLead(lead: number, text: string): SendOutcome | undefined {
    const { runtime, probeBytes } = this.binding;
    const length = text.length + 1;
    if (runtime.sendWithLead === undefined || length > probeBytes) return undefined;
    const outcome = runtime.sendWithLead(this.socket, lead, text);
    this.probeAfter(length);
    return this.awaitDrainOf(outcome);
  }

  /** Writes a message without checking `maxBufferedBytes`. */
  protected transmit(data: string | Uint8Array): SendOutcome {
    return this.awaitDrainOf(this.write(data));
  }

  /** Writes several messages without checking `maxBufferedBytes`: in one write if no ping is needed between them. */
  protected transmitAll(messages: ReadonlyArray<string | Uint8Array>): void {
    const { runtime, probeBytes } = this.binding;
    const total = messages.reduce((sum, { length }) => sum + length, 0);
    // More than `probeBytes` need pings between the messages.
    if (messages.length < 2 || this.#bytesSinceProbe + total > probeBytes || runtime.sendAll === undefined)
      for (const message of messages) this.transmit(message);
    else {
      this.#bytesSinceProbe += total;
      this.awaitDrainOf(runtime.sendAll(this.socket, messages));
    }
  }

  /** As `transmit`, without compression: next to attacker-chosen text the compressed length would reveal a secret (CRIME). */
  protected transmitSecret(data: string): void {
    const { runtime } = this.binding;
    this.awaitDrainOf(runtime.sendUncompressed?.(this.socket, data) ?? runtime.send(this.socket, data));
  }

  private awaitDrainOf(outcome: SendOutcome): SendOutcome {
    if (outcome === "queued" && (this.flow & Flow.BackedUp) === 0) {
      this.flow |= Flow.BackedUp;
      this.binding.runtime.awaitDrain(this.socket);
    }
    return outcome;
  }

  /**
   * Writes a message, with a ping after each `probeBytes`. The buffers of the two operating systems may contain up to ten megabytes,
   * and this process can't measure how much of them the peer has read. Only the pongs to these pings show that a slow peer reads.
   */
  private write(data: string | Uint8Array): SendOutcome {
    const { runtime, probeBytes } = this.binding;
    const { length } = data;
    if (length > probeBytes && runtime.sendLong !== undefined) {
      this.#bytesSinceProbe = 0;
      return runtime.sendLong(this.socket, data, probeBytes);
    }
    const outcome = runtime.send(this.socket, data);
    this.probeAfter(length);
    return outcome;
  }

  /** Counts what was written, and sends the ping that is due after `probeBytes`. */
  private probeAfter(length: number): void {
    const { runtime, probeBytes } = this.binding;
    this.#bytesSinceProbe += length;
    if (this.#bytesSinceProbe <= probeBytes) return;
    this.#bytesSinceProbe = 0;
    runtime.ping?.(this.socket);
  }

  get bufferedAmount(): number {
    return this.hasEnded ? 0 : this.binding.runtime.bufferedAmount(this.socket);
  }

  drained(): void {
    if ((this.flow & Flow.BackedUp) === 0) return;
    this.flow &= ~Flow.BackedUp;
    if (!this.hasEnded) this.notifyDrained();
  }
}
