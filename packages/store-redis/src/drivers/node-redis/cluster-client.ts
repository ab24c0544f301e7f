import { reasonOf } from "../../base/failures.ts";
import { retryPause } from "../../base/retry-pause.ts";
import { keySlot } from "../../base/slots.ts";
import type {
  Listener,
  ListenerEvents,
  OwnClient,
  OwnClientEvents,
  OwnClientSettings,
  Server,
  Slots,
} from "../driver.ts";
import { Discovery, type Masters } from "./discovery.ts";
import { Link } from "./link.ts";
import { createListener } from "./listener.ts";
import { ownClient } from "./own-options.ts";
import { NodeRedisCommand } from "./sent-command.ts";
import type { ClusterRedis, ServerRedis } from "./shapes.ts";

/** A command that is redirected more often goes back to its caller, who waits before another attempt. */
const MAX_REDIRECTIONS = 16;

/** The store's own client of a Cluster: one connection to each primary, and the slot table. */
export class ClusterClient implements OwnClient {
  readonly isCluster: boolean = true;
  readonly #settings: OwnClientSettings;
  readonly #events: OwnClientEvents;
  readonly #discovery: Discovery;
  readonly #links = new Map<string, Link>();
  #slots: Masters = [];
  #isReady = false;
  #isStarted = false;
  #isClosed = false;
  #isFinding = false;
  #mustFindAgain = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(given: ClusterRedis, settings: OwnClientSettings, events: OwnClientEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#discovery = new Discovery(given, settings.handshakeMs);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get servers(): readonly Server[] {
    return [...this.#links.values()];
  }

  get slots(): Slots {
    return this.#slots;
  }

  serverOf(name: string): Server | undefined {
    return this.#links.get(name);
  }

  connect(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#find();
  }

  disconnect(): void {
    this.#isClosed = true;
    this.#isReady = false;
    clearTimeout(this.#retry);
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  restart(): void {
    this.refresh();
  }

  /** No Sentinel monitors a Cluster. */
  checkPrimary(): void {}

  refresh(): void {
    if (this.#isStarted) void this.#find();
  }

  createCommand(name: string, args: string[]): NodeRedisCommand {
    return new NodeRedisCommand(name, args);
  }

  targetOf(command: NodeRedisCommand): Link | Error {
    const { key } = command;
    if (key === undefined) return this.#anyReady() ?? new Error("no primary of the Cluster can be reached");
    const link = this.#links.get(this.#slots[keySlot(key)]?.[0] ?? "");
    return link ?? new Error("the client has found no primary of the slot");
  }

  createListener(events: ListenerEvents, at?: string): Listener | undefined {
    const link = at === undefined ? this.#anyReady() : this.#links.get(at);
    if (link !== undefined)
      return createListener(this.#makerOf(link.name), this.#settings.handshakeMs, events);
    this.connect();
    return undefined;
  }

  #anyReady(): Link | undefined {
    const ready = [...this.#links.values()].filter(({ isReady }) => isReady);
    return ready[Math.floor(Math.random() * ready.length)];
  }

  #makerOf(name: string): () => Promise<ServerRedis> {
    return async () => {
      const { template } = this.#discovery;
      if (template === undefined) throw new Error("the nodes of the Cluster are not known");
      return ownClient(template, this.#settings.handshakeMs, this.#discovery.addressOf(name));
    };
  }

  /** Reads the slot table. Never rejects. */
  async #find(): Promise<void> {
    if (this.#isClosed) return;
    if (this.#isFinding) {
      this.#mustFindAgain = true;
      return;
    }
    this.#isFinding = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    try {
      const slots = await this.#discovery.find([...this.#links.values()]);
      if (!this.#isClosed) await this.#apply(slots);
    } catch (error) {
      this.#events.failed(reasonOf(error));
      this.#findLater();
    }
    this.#isFinding = false;
    if (!this.#mustFindAgain) return;
    this.#mustFindAgain = false;
    this.#findLater();
  }

  #findLater(): void {
    // A search that is due stays due, because otherwise several failing connections would postpone it for ever.
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#retry = setTimeout(() => void this.#find(), retryPause(this.#settings.countFailure()));
    this.#retry.unref();
  }

  async #apply(slots: Masters): Promise<void> {
    this.#slots = slots;
    const names = new Set(slots.flat());
    for (const [name, link] of this.#links) {
      if (names.has(name)) continue;
      this.#links.delete(name);
      link.close();
    }
    const added = [...names].filter((name) => !this.#links.has(name)).map((name) => this.#add(name));
    this.#events.slotsChanged();
    // The checks of the servers begin when every connection was tried.
    await Promise.all(added.map((link) => link.connect()));
    this.#checkReady();
  }

  #add(name: string): Link {
    const link: Link = new Link(name, this.#makerOf(name), undefined, this.#settings, {
      ready: () => {
        if (this.#isReady) this.#events.nodeAdded();
        else if (!this.#isFinding) this.#checkReady();
      },
      lost: () => this.#onLost(),
      failed: (reason) => {
        this.#events.failed(reason);
        // Until its slots have a new primary, the table still names this node.
        this.#findLater();
      },
      arrived: () => this.#events.arrived(name),
      redirected: (command, message) => this.#redirect(command, message),
    });
    this.#links.set(name, link);
    return link;
  }

  #checkReady(): void {
    if (this.#isReady || this.#isClosed || this.#anyReady() === undefined) return;
    this.#isReady = true;
    this.#events.ready();
  }

  #onLost(): void {
    if (this.#isClosed) return;
    // The slots of the lost node may have a new primary. Its commands wait for one or the other.
    this.#findLater();
    this.#events.slotsChanged();
    if (this.#anyReady() !== undefined || !this.#isReady) return;
    this.#isReady = false;
    this.#events.lost();
  }

  /** Follows MOVED and ASK: a node that redirects a command has not run it. */
  #redirect(command: NodeRedisCommand, message: string): boolean {
    const [word, slot, name = ""] = message.split(" ");
    if (word !== "MOVED" && word !== "ASK") return false;
    command.attempts -= 1;
    command.redirections += 1;
    const link = this.#links.get(name);
    if (word === "MOVED") {
      if (link !== undefined) this.#slots[Number(slot)] = [name];
      void this.#find();
    }
    if (link?.isReady !== true || command.isSettled || command.redirections > MAX_REDIRECTIONS)
      command.reject(new Error("the slot of the key has moved"));
    else if (word === "ASK") link.sendAsking(command);
    else link.send(command);
    return true;
  }
}
