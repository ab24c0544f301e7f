import type { Limits } from "../api/settings.ts";

type Message = string | Uint8Array;

/** The most bytes of UTF-8 for one UTF-16 code unit. */
const BYTES_PER_UNIT = 3;
const UNCOUNTED = -1;

/**
 * Messages that wait for the gate or for the handler, in arrival order (I2), within limits (I3, I14). The limits count the bytes
 * of a text as UTF-8, as a runtime's limit for one message does. Counting bytes is the most expensive step here, so bytes are
 * counted only if the number of code units might exceed a limit.
 */
export class Inbox {
  #messages: (Message | undefined)[] = [];
  #head = 0;
  #units = 0;
  #bytes = UNCOUNTED;

  get size(): number {
    return this.#messages.length - this.#head;
  }

  /** Returns the next message without removing it. */
  peek(): Message | undefined {
    return this.#messages[this.#head];
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#units += message.length;
    if (this.#bytes !== UNCOUNTED) this.#bytes += bytesOf(message);
  }

  shift(): Message | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#messages[this.#head] = undefined;
    this.#head += 1;
    this.#units -= message.length;
    if (this.#bytes !== UNCOUNTED) this.#bytes -= bytesOf(message);
    if (this.#head === this.#messages.length) this.clear();
    else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  /** Removes all messages. Returns how many there were. */
  clear(): number {
    const { size } = this;
    this.#messages = [];
    this.#head = 0;
    this.#units = 0;
    this.#bytes = UNCOUNTED;
    return size;
  }

  exceeds(limits: Limits): boolean {
    return this.size > limits.maxMessages || this.#hasMoreThan(limits.maxBytes);
  }

  /** Whether more than half of a limit is used: the high-water mark, at which the socket is paused if the runtime can pause. */
  isHigh(limits: Limits): boolean {
    return this.size * 2 > limits.maxMessages || this.#hasMoreThan(limits.maxBytes / 2);
  }

  #hasMoreThan(bytes: number): boolean {
    if (this.#units * BYTES_PER_UNIT <= bytes) return false;
    if (this.#bytes === UNCOUNTED) this.#bytes = this.#count();
    return this.#bytes > bytes;
  }

  #count(): number {
    let bytes = 0;
    for (const message of this.#messages) if (message !== undefined) bytes += bytesOf(message);
    return bytes;
  }
}

function bytesOf(message: Message): number {
  return typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
}
