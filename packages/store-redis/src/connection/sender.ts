import type { SentCommand, Server } from "../drivers/driver.ts";
import type { Connection } from "./connection.ts";

/** The limit of unanswered commands on one connection (backpressure). Further commands wait unsent. */
const MAX_UNANSWERED = 1_000;
/**
 * The limit on a connection that is silent although replies are due. A server that hangs would later run all
 * of its commands, although no caller waits for them any more.
 */
const MAX_UNANSWERED_IN_SILENCE = 64;
const SILENCE_MS = 50;

/**
 * Sends single commands through the store's client, as many at a time as each server answers. Each command is
 * queued and answered separately, because a pipeline would delay the first reply to the last one.
 */
export class Sender {
  readonly #connection: Connection;
  /** Commands that wait, by the name of their server. */
  readonly #backlogs = new Map<string, Set<SentCommand>>();
  readonly #traffic = new Map<string, ServerTraffic>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends a command. The array `args` must not be used afterwards. Its keys must include every prefix. */
  send(name: string, args: string[]): SentCommand {
    const command = this.#connection.client.createCommand(name, args);
    this.#dispatch(command);
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
    this.#trafficOf(name).arrivedAt = performance.now();
    const backlog = this.#backlogs.get(name);
    if (backlog === undefined) return;
    for (const command of backlog) {
      const server = this.#connection.client.serverOf(name);
      if (server !== undefined && !this.#hasCapacity(server)) return;
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
    const target = client.targetOf(command);
    if (target instanceof Error) command.reject(target);
    else if (target === undefined || this.#hasCapacity(target)) client.send(command);
    else this.#wait(target.name, command);
  }

  #hasCapacity(server: Server): boolean {
    return server.accepts && this.#trafficOf(server.name).hasCapacity(server.unanswered);
  }

  #trafficOf(name: string): ServerTraffic {
    let traffic = this.#traffic.get(name);
    if (traffic === undefined) this.#traffic.set(name, (traffic = new ServerTraffic()));
    return traffic;
  }

  #wait(name: string, command: SentCommand): void {
    let backlog = this.#backlogs.get(name);
    if (backlog === undefined) this.#backlogs.set(name, (backlog = new Set()));
    backlog.add(command);
    command.backlog = backlog;
  }
}

/** When data last arrived from a server, and since when replies are due. */
class ServerTraffic {
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
