import type { SentCommand, Server } from "../drivers/driver.ts";
import type { Connection } from "./connection.ts";

/**
 * The limit of unanswered commands on one connection (backpressure). Further commands wait unsent, because a server that hangs
 * would later run all of its commands, although no caller waits for them any more. Nothing shows when a hang begins, so the limit
 * also applies to a burst to a server that answered a moment ago.
 */
const MIN_WINDOW = 80;
/** The highest limit. The limit rises to it while calls wait for a server that keeps answering. */
const MAX_WINDOW = 1_000;
/** After this long without a reply, the limit falls back to `MIN_WINDOW`. */
const SILENCE_MS = 50;

/** Commands that wait unsent, each with the server that it has to go to, or `undefined` if its key decides. */
type Backlog = Map<SentCommand, Server | undefined>;

/**
 * Sends single commands through the store's client, as many at a time as each server answers. Each command is
 * queued and answered separately, because a pipeline would delay the first reply to the last one.
 */
export class Sender {
  readonly #connection: Connection;
  /** Commands that wait, by the name of their server. */
  readonly #backlogs = new Map<string, Backlog>();
  readonly #windows = new Map<string, Window>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Sends a command: to the server `to`, or to the one that serves its key. The array `args` must not be used
   * afterwards. Its keys must include every prefix.
   */
  send(name: string, args: string[], to?: Server): SentCommand {
    const command = this.#connection.client.createCommand(name, args);
    this.#dispatch(command, to);
    return command;
  }

  /** Sends a command to one server, ahead of those that wait: to find out whether the connection works. */
  probe(name: string, args: string[], to: Server): SentCommand {
    const command = this.#connection.client.createCommand(name, args);
    to.probe(command);
    return command;
  }

  /** Replies arrived from a server: sends commands that were waiting for it. */
  sendWaiting(name: string): void {
    const { client } = this.#connection;
    this.#windowOf(name).onArrival(client.serverOf(name)?.unanswered ?? 0);
    const backlog = this.#backlogs.get(name);
    if (backlog === undefined) return;
    for (const [command, to] of backlog) {
      const server = client.serverOf(name);
      if (server !== undefined && !this.#hasCapacity(server)) return;
      backlog.delete(command);
      this.#dispatch(command, to);
    }
  }

  /** The slots of a Cluster have changed: waiting commands may belong to other nodes. */
  reroute(): void {
    for (const backlog of [...this.#backlogs.values()]) {
      const waiting = [...backlog];
      backlog.clear();
      for (const [command, to] of waiting) this.#dispatch(command, to);
    }
  }

  /**
   * Rejects the waiting commands, because their server is gone. Their callers decide whether to try again.
   */
  rejectWaiting(): void {
    for (const backlog of this.#backlogs.values()) {
      for (const command of backlog.keys()) command.reject(new Error("the connection was lost"));
      backlog.clear();
    }
  }

  #dispatch(command: SentCommand, to: Server | undefined): void {
    const { client } = this.#connection;
    const target = to ?? client.targetOf(command);
    if (target instanceof Error) command.reject(target);
    else if (this.#hasCapacity(target)) target.send(command);
    else this.#wait(target.name, command, to);
  }

  /** Whether another command may be sent to the server now. */
  #hasCapacity(server: Server): boolean {
    return server.accepts && this.#windowOf(server.name).hasCapacity(server.unanswered);
  }

  #windowOf(name: string): Window {
    let window = this.#windows.get(name);
    if (window === undefined) this.#windows.set(name, (window = new Window()));
    return window;
  }

  #wait(name: string, command: SentCommand, to: Server | undefined): void {
    let backlog = this.#backlogs.get(name);
    if (backlog === undefined) this.#backlogs.set(name, (backlog = new Map()));
    backlog.set(command, to);
    command.backlog = backlog;
  }
}

/**
 * How many commands a server may have unanswered: a congestion window with slow start. The window grows only while it is
 * full and replies arrive (RFC 7661), so a server that few calls use never has a large one.
 */
class Window {
  #size = MIN_WINDOW;
  #isFull = false;
  #arrivedAt = Number.NEGATIVE_INFINITY;

  /** Data arrived, or a connection was made. A driver may report it only after further commands were sent. */
  onArrival(unanswered: number): void {
    const now = performance.now();
    if (now - this.#arrivedAt >= SILENCE_MS) this.#size = MIN_WINDOW;
    else if (this.#isFull && unanswered < this.#size) {
      this.#size = Math.min(2 * this.#size, MAX_WINDOW);
      this.#isFull = false;
    }
    this.#arrivedAt = now;
  }

  hasCapacity(unanswered: number): boolean {
    if (unanswered < MIN_WINDOW) return true;
    if (performance.now() - this.#arrivedAt >= SILENCE_MS) this.#size = MIN_WINDOW;
    this.#isFull ||= unanswered >= this.#size;
    return unanswered < this.#size;
  }
}
