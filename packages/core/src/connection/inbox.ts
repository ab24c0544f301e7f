import type { Limits } from "../api/options.ts";

type Message = string | Uint8Array;

/** Messages that wait for the gate or for the handler, in arrival order (I2), within limits (I3, I14). */
export class Inbox {
  #messages: (Message | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  get size(): number {
    return this.#messages.length - this.#head;
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#bytes += message.length;
  }

  shift(): Message | undefined {
    const message = this.#messages[this.#head];
    if (message === undefined) return undefined;
    this.#messages[this.#head] = undefined;
    this.#head += 1;
    this.#bytes -= message.length;
    if (this.#head === this.#messages.length) this.clear();
    else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  /** Returns how many there were. */
  clear(): number {
    const { size } = this;
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
    return size;
  }

  exceeds(limits: Limits): boolean {
    return this.size > limits.maxMessages || this.#bytes > limits.maxBytes;
  }

  /** Above half of a limit the sender is asked to wait, where the runtime can. */
  isHigh(limits: Limits): boolean {
    return this.size * 2 > limits.maxMessages || this.#bytes * 2 > limits.maxBytes;
  }
}
