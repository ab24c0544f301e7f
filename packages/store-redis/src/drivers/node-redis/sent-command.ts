import type { SentCommand } from "../driver.ts";
import type { Signal } from "./shapes.ts";

/** The state of the connection to which a command was given, as the command uses it. */
export interface CommandConnection {
  /** Returns a function that closes the connection if it is still the same and no reply has arrived since. */
  watchSilence(): () => void;
}

export class NodeRedisCommand implements SentCommand, Signal {
  readonly words: readonly string[];
  readonly promise: Promise<unknown>;
  isSettled = false;
  attempts = 0;
  redirections = 0;
  backlog: Set<SentCommand> | undefined;
  #resolve: (reply: unknown) => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;
  /** Takes the command out of the client's queue; `undefined` if it is not there. */
  #unqueue: (() => void) | undefined;
  #isWritten = false;
  #sentAt = 0;
  #closeIfSilent: (() => void) | undefined;

  constructor(name: string, args: readonly string[]) {
    this.words = [name, ...args];
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The name of the first key, for the slot; `undefined` for a command without a key. */
  get key(): string | undefined {
    const [name = "", first, count, key] = this.words;
    if (name === "evalsha" || name === "eval") return count === "0" ? undefined : key;
    return KEYLESS.has(name) ? undefined : first;
  }

  /** Gives the command to a client, which calls the members of `Signal` from now on. */
  sendBy(send: () => Promise<unknown>, connection: CommandConnection): Promise<unknown> {
    this.#isWritten = false;
    this.#unqueue = undefined;
    this.#sentAt = performance.now();
    this.#closeIfSilent = connection.watchSilence();
    const sent = send();
    // A client that does not watch the signal may have written the command.
    if (this.#unqueue === undefined) this.#markWritten();
    return sent;
  }

  resolve(reply: unknown): void {
    this.isSettled = true;
    this.#resolve(reply);
  }

  reject(reason: Error): void {
    this.isSettled = true;
    this.#reject(reason);
  }

  cancel(reason: Error): void {
    this.backlog?.delete(this);
    this.reject(reason);
    const unqueue = this.#unqueue;
    this.#unqueue = undefined;
    this.#isWritten = true;
    unqueue?.();
  }

  closeIfSilent(ms: number): void {
    if (performance.now() - this.#sentAt >= ms) this.#closeIfSilent?.();
  }

  /** Once cancelled, no client takes the command any more. */
  get aborted(): boolean {
    return this.isSettled;
  }

  /** The client has queued the command. The command may be taken back until the client writes it. */
  addEventListener(_type: "abort", listener: () => void): void {
    this.#unqueue = listener;
  }

  /** The client writes the command, which can't be taken back any more. */
  removeEventListener(): void {
    if (this.#unqueue === undefined) return;
    this.#unqueue = undefined;
    this.#markWritten();
  }

  #markWritten(): void {
    if (this.#isWritten) return;
    this.#isWritten = true;
    this.attempts += 1;
  }
}

/** The commands without a key. */
const KEYLESS: ReadonlySet<string> = new Set([
  "time",
  "info",
  "hello",
  "config",
  "scan",
  "ping",
  "cluster",
  // Any node of a Cluster publishes to all.
  "publish",
]);
