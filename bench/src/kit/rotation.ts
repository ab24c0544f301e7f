import { maskedFrame, Opcode } from "./frames.ts";
import { MESSAGE } from "./load.ts";
import type { RawConnection } from "./raw-connection.ts";

/**
 * Keeps a fixed number of messages in flight for any number of connections. Each message goes to the next
 * connection.
 */
export class Rotation {
  readonly #connections: readonly RawConnection[];
  readonly #inFlight: number;
  readonly #frame = maskedFrame(Opcode.Text, Buffer.from(MESSAGE));
  #next = 0;
  #unsent = 0;
  #unanswered = 0;
  #done: () => void = () => undefined;

  constructor(connections: readonly RawConnection[], inFlight: number) {
    this.#connections = connections;
    this.#inFlight = inFlight;
    for (const connection of connections) {
      connection.wantsPayloads = false;
      connection.onMessage = () => this.#answered();
    }
  }

  run(messages: number): Promise<void> {
    this.#unsent = messages;
    this.#unanswered = messages;
    return new Promise((resolve) => {
      this.#done = resolve;
      for (let count = 0; count < this.#inFlight; count += 1) this.#send();
    });
  }

  #answered(): void {
    this.#unanswered -= 1;
    if (this.#unanswered === 0) this.#done();
    else this.#send();
  }

  #send(): void {
    if (this.#unsent === 0) return;
    this.#unsent -= 1;
    this.#connections[this.#next]?.socket.write(this.#frame);
    this.#next = (this.#next + 1) % this.#connections.length;
  }
}
