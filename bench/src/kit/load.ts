import { maskedFrame, Opcode } from "./frames.ts";
import type { RawConnection } from "./raw-connection.ts";

/** The text that is echoed. Its length is typical of chat messages, cursors and game moves. */
export const MESSAGE = "a message of an ordinary length: 48 bytes of it.";

export interface LoadOptions {
  /** Messages in flight on each connection. */
  readonly window: number;
  /** The text on the wire, including what a protocol on top of WebSocket adds. */
  readonly text?: string;
}

/** Keeps a number of messages in flight on each of many connections. */
export class Load {
  readonly #connections: readonly RawConnection[];
  readonly #window: number;
  readonly #frames: Buffer;
  readonly #frameBytes: number;
  #unsent = 0;
  #unanswered = 0;
  #done: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(connections: readonly RawConnection[], { window, text = MESSAGE }: LoadOptions) {
    this.#connections = connections;
    this.#window = window;
    const frame = maskedFrame(Opcode.Text, Buffer.from(text));
    this.#frameBytes = frame.length;
    this.#frames = Buffer.concat(Array.from({ length: window }, () => frame));
    for (const connection of connections) this.#drive(connection);
  }

  /** Sends this many messages over all connections. Resolves when each was answered. */
  run(messages: number): Promise<void> {
    this.#unsent = messages;
    this.#unanswered = messages;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      for (const connection of this.#connections) this.#send(connection, this.#window);
    });
  }

  close(): void {
    for (const connection of this.#connections) {
      connection.onClose = () => undefined;
      connection.destroy();
    }
  }

  #drive(connection: RawConnection): void {
    let answered = 0;
    connection.wantsPayloads = false;
    connection.onMessage = () => {
      answered += 1;
    };
    connection.onClose = () => this.#failed(new Error("the server closed a connection under load"));
    // Runs after the reader's own listener, when all messages of the chunk are counted. As many are sent in
    // one write.
    connection.socket.on("data", () => {
      if (answered === 0) return;
      const count = answered;
      answered = 0;
      this.#unanswered -= count;
      if (this.#unanswered === 0) this.#done();
      else this.#send(connection, count);
    });
  }

  #send(connection: RawConnection, wanted: number): void {
    const count = Math.min(wanted, this.#unsent, this.#window);
    if (count === 0) return;
    this.#unsent -= count;
    connection.socket.write(this.#frames.subarray(0, count * this.#frameBytes));
  }
}
