import { Socket } from "node:net";
import { type Cluster, Command, type Redis } from "ioredis";
import { isCluster } from "../base/client.ts";
import type { Connection } from "./connection.ts";

type WriteableStream = NonNullable<Parameters<Redis["sendCommand"]>[1]>;

/** More at once would leave the server idle while they are made, and this process while they are answered. */
const LARGEST_BATCH = 32;
/** Most commands that wait for an answer on one connection. Those beyond wait here, unsent. */
const MOST_UNANSWERED = 1_000;
/**
 * The same for a connection on which nothing arrives although answers are due: a server that hangs would run all of them
 * when it is back, though nobody waits for them any more.
 */
const MOST_IN_SILENCE = 64;
const SILENCE_MS = 50;

/**
 * Hands single commands to the store's client. Never through autopipelining: with a Cluster it lets MOVED through while slots
 * move, and it slows EVALSHA. To one server, what is asked for in one turn leaves in one write to the socket instead. That
 * is what a pipeline saves, but each command is still queued and answered on its own.
 */
export class Sender {
  readonly #connection: Connection;
  /** What waits for its turn, by node of a Cluster; `""`: one server. */
  readonly #backlogs = new Map<string, Set<SentCommand>>();
  readonly #traffic = new Map<string, NodeTraffic>();
  #batch: Batch | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `args` are the command's from here on, keys with every prefix. */
  send(name: string, args: string[]): SentCommand {
    const command = new SentCommand(name, args);
    this.#dispatch(command);
    return command;
  }

  /** Sends past what waits: for what finds out whether the connection is of use. */
  probe(name: string, args: string[], to: Redis | Cluster = this.#connection.client): SentCommand {
    const command = new SentCommand(name, args);
    to.sendCommand(command);
    return command;
  }

  /** Answers came from a server, so that there is room for more. */
  sendWaiting(node: string = ""): void {
    this.#trafficOf(node).arrivedAt = performance.now();
    const backlog = this.#backlogs.get(node);
    if (backlog === undefined) return;
    for (const command of backlog) {
      if (!this.#hasRoom(node)) return;
      backlog.delete(command);
      this.#dispatch(command);
    }
  }

  /** A Cluster's slots have changed: what waits may belong elsewhere. */
  reroute(): void {
    for (const backlog of [...this.#backlogs.values()]) {
      const waiting = [...backlog];
      backlog.clear();
      for (const command of waiting) this.#dispatch(command);
    }
  }

  /** What waits was meant for a server that is gone; its callers decide whether to try again. */
  rejectWaiting(): void {
    for (const backlog of this.#backlogs.values()) {
      for (const command of backlog) command.reject(new Error("the connection was lost"));
      backlog.clear();
    }
  }

  #dispatch(command: SentCommand): void {
    const { client } = this.#connection;
    if (isCluster(client)) this.#dispatchToCluster(client, command);
    else this.#dispatchToServer(client, command);
  }

  #dispatchToServer(client: Redis, command: SentCommand): void {
    if (this.#batch?.client !== client) this.#batch = new Batch(client);
    if (this.#trafficOf("").takes(client.commandQueue.length + this.#batch.size)) this.#batch.add(command);
    else this.#wait("", command);
  }

  #dispatchToCluster(client: Cluster, command: SentCommand): void {
    const slot = command.getSlot();
    const key = slot === null ? undefined : client.slots[slot]?.[0];
    const node = key === undefined ? undefined : this.#connection.node(key);
    if (key === undefined || node === undefined) {
      // ioredis asks any master, which says where the slot is.
      if (this.#connection.hasMaster) client.sendCommand(command);
      else command.reject(new Error("no master of the Cluster is known"));
    } else if (node.options.readOnly === true) {
      // A replica by the Cluster's last word. It would answer reads, and may be behind (I7).
      command.reject(new Error("the slot's master is not known"));
    } else if (this.#takes(key, node)) client.sendCommand(command);
    else this.#wait(key, command);
  }

  #hasRoom(node: string): boolean {
    const { client } = this.#connection;
    if (!isCluster(client))
      return this.#trafficOf("").takes(client.commandQueue.length + (this.#batch?.size ?? 0));
    const to = this.#connection.node(node);
    return to === undefined || this.#takes(node, to);
  }

  /** Whether a node of a Cluster takes one more. ioredis connects to it with the first one. */
  #takes(key: string, node: Redis): boolean {
    if (node.status === "wait") return true;
    return node.status === "ready" && this.#trafficOf(key).takes(node.commandQueue.length);
  }

  #trafficOf(node: string): NodeTraffic {
    let traffic = this.#traffic.get(node);
    if (traffic === undefined) this.#traffic.set(node, (traffic = new NodeTraffic()));
    return traffic;
  }

  #wait(node: string, command: SentCommand): void {
    let backlog = this.#backlogs.get(node);
    if (backlog === undefined) this.#backlogs.set(node, (backlog = new Set()));
    backlog.add(command);
    command.waitsIn = backlog;
  }
}

/** When something last came from a server, and since when answers are due there. */
class NodeTraffic {
  arrivedAt = 0;
  #busySince = 0;

  /** Whether one more may be sent where so many are unanswered. */
  takes(unanswered: number): boolean {
    if (unanswered === 0) this.#busySince = performance.now();
    if (unanswered < MOST_IN_SILENCE) return true;
    if (unanswered >= MOST_UNANSWERED) return false;
    return performance.now() - Math.max(this.arrivedAt, this.#busySince) < SILENCE_MS;
  }
}

/** Knows how often it was written to a socket: one that was sent again may have run before, unanswered. */
export class SentCommand extends Command {
  attempts = 0;
  /** Where it waits, unsent. */
  waitsIn: Set<SentCommand> | undefined;
  #socket: Socket | undefined;
  #writtenAt = 0;
  #bytesBefore = 0;

  /** Past the client's own constructor, which flattens the arguments at ten times the cost of all the rest. */
  constructor(name: string, args: string[]) {
    super(name, [], { replyEncoding: "utf8" });
    this.args = args;
  }

  override toWritable(socket: object): string | Buffer {
    this.attempts += 1;
    if (socket instanceof Socket) {
      this.#socket = socket;
      this.#writtenAt = performance.now();
      this.#bytesBefore = socket.bytesRead;
    }
    return super.toWritable(socket);
  }

  /** Nobody waits for it any more. It is not sent, nor sent elsewhere, from here on. */
  abandon(reason: Error): void {
    this.waitsIn?.delete(this);
    this.reject(reason);
    // A Cluster's client would send it to another node where this answer says so.
    this.reject = () => undefined;
  }

  /** Ends the connection that it was written to, if nothing came from there for `ms` and more. */
  endSilent(ms: number): void {
    const socket = this.#socket;
    if (socket === undefined || socket.bytesRead !== this.#bytesBefore) return;
    if (performance.now() - this.#writtenAt >= ms) socket.destroy();
  }
}

/** One turn's commands for one connection, handed over and written without a break. */
class Batch {
  readonly client: Redis;
  /** What the client writes to: gathers while a batch is handed over. */
  readonly #stream: WriteableStream;
  #commands: Command[] = [];
  #last: Command | undefined;
  #scheduled = false;
  #text = "";

  constructor(client: Redis) {
    this.client = client;
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
    try {
      for (const command of commands) this.client.sendCommand(command, this.#stream);
    } finally {
      // What the client counts as sent has to leave, whatever came after it.
      if (this.#text !== "") this.client.stream.write(this.#text);
      this.#text = "";
    }
  }
}
