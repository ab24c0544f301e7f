import type { Command, Redis } from "ioredis";

type WriteableStream = NonNullable<Parameters<Redis["sendCommand"]>[1]>;

/**
 * Commands per write. With larger batches the server would idle while the batch is built, and this process
 * while the replies arrive.
 */
const MAX_BATCH = 32;

/**
 * The commands of one turn for one connection. They are passed to ioredis and written without interruption.
 * Autopipelining is not used, because it lets MOVED errors through while slots of a Cluster migrate, and slows
 * EVALSHA down. A batch saves what a pipeline saves, but each command is still queued and answered separately.
 */
export class Batch {
  readonly #client: Redis;
  /** The stream that ioredis writes to: collects the text of the batch. */
  readonly #stream: WriteableStream;
  #commands: Command[] = [];
  #last: Command | undefined;
  #isScheduled = false;
  #text = "";

  constructor(client: Redis) {
    this.#client = client;
    this.#stream = {
      isPipeline: true,
      destination: { redis: client },
      write: (text: string | Buffer) => {
        this.#text += String(text);
      },
    };
  }

  get size(): number {
    return this.#commands.length;
  }

  /**
   * Collects commands until the end of this turn or until the batch is full. (`process.nextTick` runs after
   * the promises that replies have settled.) A command that finds the server idle is sent at once (Nagle's
   * rule, RFC 896).
   */
  add(command: Command): void {
    const isIdle = this.#commands.length === 0 && this.#last?.isSettled !== false;
    this.#commands.push(command);
    this.#last = command;
    if (isIdle || this.#commands.length >= MAX_BATCH) this.#flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      process.nextTick(() => {
        this.#isScheduled = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    const commands = this.#commands;
    this.#commands = [];
    try {
      for (const command of commands) this.#client.sendCommand(command, this.#stream);
    } finally {
      // ioredis counts these commands as sent, so they must be written even if a later one throws.
      if (this.#text !== "") this.#client.stream.write(this.#text);
      this.#text = "";
    }
  }
}
