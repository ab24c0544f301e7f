import { type Cluster, Command, type Redis } from "ioredis";

type WriteableStream = NonNullable<Parameters<Redis["sendCommand"]>[1]>;

/** More at once would leave the server idle while they are made, and this process while they are answered. */
const LARGEST_BATCH = 32;

/** What ioredis connects with: one server, Sentinel, or a Cluster. */
export type RedisClient = Redis | Cluster;

/**
 * Hands single commands to the client. Never through autopipelining, whatever the client's options are: with a Cluster it
 * lets MOVED through while slots move, and it slows EVALSHA. To one server, what is asked for in one turn leaves in one
 * write to the socket instead. That is what a pipeline saves, but each command is still queued, answered and sent again on
 * its own.
 */
export class Sender {
  readonly #client: RedisClient;
  readonly #batch: Batch | undefined;

  constructor(client: RedisClient) {
    this.#client = client;
    this.#batch = isCluster(client) ? undefined : new Batch(client);
  }

  /** `args` are the command's from here on, keys with every prefix. */
  send(name: string, args: string[]): SentCommand {
    const command = new SentCommand(name, args);
    if (this.#batch === undefined) this.#client.sendCommand(command);
    else this.#batch.add(command);
    return command;
  }
}

/** Knows how often the client wrote it to a socket: one that was sent again may have run before, unanswered. */
export class SentCommand extends Command {
  attempts = 0;

  /** Past the client's own constructor, which flattens the arguments at ten times the cost of all the rest. */
  constructor(name: string, args: string[]) {
    super(name, [], { replyEncoding: "utf8" });
    this.args = args;
  }

  override toWritable(socket: object): string | Buffer {
    this.attempts += 1;
    return super.toWritable(socket);
  }
}

/** One turn's commands for one connection. Handed over and written without a break, so that the client's own keep their place. */
class Batch {
  readonly #client: Redis;
  /** What the client writes to: gathers while a batch is handed over, and passes on what is sent later or again. */
  readonly #stream: WriteableStream;
  #commands: Command[] = [];
  #last: Command | undefined;
  #scheduled = false;
  #writing = false;
  #text = "";

  constructor(client: Redis) {
    this.#client = client;
    this.#stream = {
      isPipeline: true,
      destination: { redis: client },
      write: (text: string | Buffer) => {
        if (this.#writing) this.#text += String(text);
        else client.stream.write(text);
      },
    };
  }

  /**
   * Until the end of this turn (a tick comes after the promises that answers have settled), or until it is worth a write.
   * What finds the server with nothing to do goes at once (the rule is Nagle's, RFC 896).
   */
  add(command: Command): void {
    const isIdle = this.#commands.length === 0 && this.#last?.isSettled !== false;
    this.#commands.push(command);
    this.#last = command;
    if (isIdle || this.#commands.length >= LARGEST_BATCH) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    const commands = this.#commands;
    this.#commands = [];
    this.#writing = true;
    try {
      for (const command of commands) this.#client.sendCommand(command, this.#stream);
    } finally {
      // What the client counts as sent has to leave, whatever came after it.
      this.#writing = false;
      if (this.#text !== "") this.#client.stream.write(this.#text);
      this.#text = "";
    }
  }
}

/** What the client's options put before every key. */
export function clientPrefix(client: RedisClient): string {
  return client.options.keyPrefix ?? "";
}

/** Not by class: the application may have another copy of ioredis. */
export function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}
