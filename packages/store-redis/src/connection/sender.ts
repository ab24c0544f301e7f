import { Socket } from "node:net";
import { type Cluster, Command, type Redis } from "ioredis";
import { isCluster } from "../base/client.ts";
import { replyWord } from "../base/failures.ts";
import type { Connection } from "./connection.ts";

type WriteableStream = NonNullable<Parameters<Redis["sendCommand"]>[1]>;

/**
 * Commands per write. With larger batches the server would idle while the batch is built, and this process
 * while the replies arrive.
 */
const MAX_BATCH = 32;
/** The limit of unanswered commands on one connection (backpressure). Further commands wait unsent. */
const MAX_UNANSWERED = 1_000;
/**
 * The limit on a connection that is silent although replies are due. A server that hangs would later run all
 * of its commands, although no caller waits for them any more.
 */
const MAX_UNANSWERED_IN_SILENCE = 64;
const SILENCE_MS = 50;

/**
 * Sends single commands through the store's client. It does not use autopipelining, which lets MOVED errors
 * through while slots of a Cluster migrate, and slows EVALSHA down. Instead, commands to a single server that
 * are sent in one turn of the event loop share one write to the socket. That saves what a pipeline saves, but
 * each command is still queued and answered separately.
 */
export class Sender {
  readonly #connection: Connection;
  /** Commands that wait, by node of a Cluster; "" for a single server. */
  readonly #backlogs = new Map<string, Set<SentCommand>>();
  readonly #traffic = new Map<string, NodeTraffic>();
  #batch: Batch | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a command. The array `args` must not be used afterwards. Its keys must include every prefix. */
  send(name: string, args: string[]): SentCommand {
    const command = new SentCommand(name, args);
    this.#dispatch(command);
    return command;
  }

  /** Sends a command ahead of those that wait, to find out whether the connection works. */
  probe(name: string, args: string[], to: Redis | Cluster = this.#connection.client): SentCommand {
    const command = new SentCommand(name, args);
    to.sendCommand(command);
    return command;
  }

  /** Replies arrived from a server: sends commands that were waiting for it. */
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

  /** The slots of a Cluster have changed: waiting commands may belong to other nodes. */
  reroute(): void {
    for (const backlog of [...this.#backlogs.values()]) {
      const waiting = [...backlog];
      backlog.clear();
      for (const command of waiting) this.#dispatch(command);
    }
  }

  /**
   * Rejects the waiting commands, because their server is gone. Their callers decide whether to try again.
   */
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
    if (this.#trafficOf("").hasCapacity(client.commandQueue.length + this.#batch.size))
      this.#batch.add(command);
    else this.#wait("", command);
  }

  #dispatchToCluster(client: Cluster, command: SentCommand): void {
    const slot = command.getSlot();
    const key = slot === null ? undefined : client.slots[slot]?.[0];
    const node = key === undefined ? undefined : this.#connection.node(key);
    if (key === undefined || node === undefined) {
      // ioredis asks any master, which redirects it to the owner of the slot.
      if (this.#connection.hasMaster) command.sendThrough(client);
      else command.reject(new Error("the client knows no master of the Cluster"));
    } else if (node.options.readOnly === true) {
      // According to the slot table this node is a replica. It would answer reads but may lag behind (I7).
      command.reject(new Error("the client does not know the master of the slot"));
    } else if (this.#hasCapacity(key, node)) command.sendThrough(client);
    else this.#wait(key, command);
  }

  #hasRoom(node: string): boolean {
    const { client } = this.#connection;
    if (!isCluster(client))
      return this.#trafficOf("").hasCapacity(client.commandQueue.length + (this.#batch?.size ?? 0));
    const to = this.#connection.node(node);
    return to === undefined || this.#hasCapacity(node, to);
  }

  /**
   * Whether another command may be sent to a node of a Cluster. ioredis connects to the node with the first
   * one.
   */
  #hasCapacity(key: string, node: Redis): boolean {
    if (node.status === "wait") return true;
    return node.status === "ready" && this.#trafficOf(key).hasCapacity(node.commandQueue.length);
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
    command.backlog = backlog;
  }
}

/** When data last arrived from a server, and since when replies are due. */
class NodeTraffic {
  arrivedAt = 0;
  #busySince = 0;

  /** Whether another command may be sent while this many are unanswered. */
  hasCapacity(unanswered: number): boolean {
    if (unanswered === 0) this.#busySince = performance.now();
    if (unanswered < MAX_UNANSWERED_IN_SILENCE) return true;
    if (unanswered >= MAX_UNANSWERED) return false;
    return performance.now() - Math.max(this.arrivedAt, this.#busySince) < SILENCE_MS;
  }
}

/**
 * A command that counts how often it was written to a socket. If it was written more than once, an earlier
 * attempt may have run without a reply.
 */
export class SentCommand extends Command {
  attempts = 0;
  /** The set in which the command waits, unsent. */
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
    this.#fail = this.reject;
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

  override toWritable(socket: object): string | Buffer {
    this.attempts += 1;
    if (socket instanceof Socket) {
      this.#socket = socket;
      this.#writtenAt = performance.now();
      this.#bytesBefore = socket.bytesRead;
    }
    return super.toWritable(socket);
  }

  /** The caller no longer waits. From now on the command is neither sent nor redirected. */
  cancel(reason: Error): void {
    this.backlog?.delete(this);
    this.reject(reason);
    // The client of a Cluster would send the command to another node if this reply redirects it.
    this.reject = () => undefined;
  }

  /** Closes the connection to which the command was written, if no data arrived there for at least `ms`. */
  closeIfSilent(ms: number): void {
    const socket = this.#socket;
    if (socket === undefined || socket.bytesRead !== this.#bytesBefore) return;
    if (performance.now() - this.#writtenAt >= ms) socket.destroy();
  }
}

/**
 * The commands of one turn for one connection. They are passed to ioredis and written without interruption.
 */
class Batch {
  readonly client: Redis;
  /** The stream that ioredis writes to: collects the text of the batch. */
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
   * Collects commands until the end of this turn or until the batch is full. (`process.nextTick` runs after
   * the promises that replies have settled.) A command that finds the server idle is sent at once (Nagle's
   * rule, RFC 896).
   */
  add(command: Command): void {
    const isIdle = this.#commands.length === 0 && this.#last?.isSettled !== false;
    this.#commands.push(command);
    this.#last = command;
    if (isIdle || this.#commands.length >= MAX_BATCH) this.#flush();
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
      // ioredis counts these commands as sent, so they must be written even if a later one throws.
      if (this.#text !== "") this.client.stream.write(this.#text);
      this.#text = "";
    }
  }
}
