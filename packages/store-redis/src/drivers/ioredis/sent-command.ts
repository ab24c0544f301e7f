import { Socket } from "node:net";
import type { Cluster, Command, Redis } from "ioredis";
import { replyWord } from "../../base/failures.ts";
import type { SentCommand } from "../driver.ts";

/** A command of the application's own copy of ioredis, with the members that the interface requires. */
export interface IoredisCommand extends Command, Omit<SentCommand, keyof Command> {
  /** Sends the command through the client of a Cluster. */
  sendThrough(cluster: Cluster): void;
}

export type CommandClass = new (name: string, args: string[]) => IoredisCommand;

const classes = new WeakMap<object, CommandClass>();

/**
 * The class of commands for this client. The store does not import ioredis, because the application may have
 * any version of it, or iovalkey. So the class of the library's commands is taken from a command that the
 * client builds.
 */
export function commandClassOf(client: Redis | Cluster): CommandClass {
  const base = libraryClassOf(client);
  let made = classes.get(base);
  if (made === undefined) classes.set(base, (made = extend(base)));
  return made;
}

/** The part of RESP between two arguments, by the bytes of the second one. */
const LEADS: readonly string[] = Array.from({ length: 256 }, (_, bytes) => leadOf(bytes));

function leadOf(bytes: number): string {
  return `\r\n$${bytes}\r\n`;
}

/** A command as RESP. The method of ioredis makes the same text from twice as many parts, which takes half a microsecond more. */
function encoded(name: string, args: readonly string[]): string {
  let text = `*${args.length + 1}${leadOf(name.length)}${name}`;
  for (const arg of args) {
    const bytes = Buffer.byteLength(arg);
    text += (LEADS[bytes] ?? leadOf(bytes)) + arg;
  }
  return `${text}\r\n`;
}

function libraryClassOf(client: Redis | Cluster): typeof Command {
  let built: Command | undefined;
  // Stands for the client without its options, so that nothing is pipelined, and sends nothing.
  const recorder: Redis | Cluster = Object.create(client, {
    options: { value: {} },
    sendCommand: {
      value: (command: Command) => {
        built = command;
        return Promise.resolve();
      },
    },
  });
  void recorder.call("ping");
  if (built === undefined) throw new Error("the client has built no command");
  const base: unknown = built.constructor;
  if (!isCommandClass(base)) throw new Error("the client's commands have no class");
  return base;
}

function isCommandClass(value: unknown): value is typeof Command {
  return typeof value === "function" && "checkFlag" in value;
}

function extend(base: typeof Command): CommandClass {
  /** ioredis 6 tracks whether a command is settled. */
  const isTracked = "isSettled" in new base("ping");

  return class extends base implements IoredisCommand {
    declare args: string[];
    attempts = 0;
    backlog: Set<SentCommand> | undefined;
    #socket: Socket | undefined;
    #writtenAt = 0;
    #bytesBefore = 0;
    readonly #fail: (reason: Error) => void;

    /**
     * Sets the arguments directly, because the constructor of ioredis flattens them, which costs ten times as
     * much as everything else here.
     */
    constructor(name: string, args: string[]) {
      super(name, [], { replyEncoding: "utf8" });
      this.args = args;
      if (!isTracked) this.#trackSettling();
      this.#fail = this.reject;
    }

    #trackSettling(): void {
      this.isSettled = false;
      const { resolve, reject } = this;
      this.resolve = (result) => {
        this.isSettled = true;
        resolve.call(this, result);
      };
      this.reject = (reason) => {
        this.isSettled = true;
        reject.call(this, reason);
      };
    }

    /**
     * The client of a Cluster follows redirections by itself: a node that redirects a command has not run it. TRYAGAIN goes to
     * the caller instead. The client would retry on random nodes beyond the caller's deadline, and the outcome would be unknown
     * although no node ran the command.
     */
    sendThrough(cluster: Cluster): void {
      cluster.sendCommand(this);
      const redirect = this.reject;
      this.reject = (reason) => {
        const word = replyWord(reason);
        if (word === "MOVED" || word === "ASK") this.attempts -= 1;
        if (word === "TRYAGAIN") this.#fail(reason);
        else redirect.call(this, reason);
      };
    }

    override toWritable(socket: object): string {
      this.attempts += 1;
      if (socket instanceof Socket) {
        this.#socket = socket;
        this.#writtenAt = performance.now();
        this.#bytesBefore = socket.bytesRead;
      }
      return encoded(this.name, this.args);
    }

    cancel(reason: Error): void {
      this.backlog?.delete(this);
      this.reject(reason);
      // The client of a Cluster would send the command to another node if this reply redirects it.
      this.reject = () => undefined;
    }

    closeIfSilent(ms: number): void {
      const socket = this.#socket;
      if (socket === undefined || socket.bytesRead !== this.#bytesBefore) return;
      if (performance.now() - this.#writtenAt >= ms) socket.destroy();
    }
  };
}
