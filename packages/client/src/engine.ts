/** The client: which connection there is, when the next attempt is, and what the application is told of it. */
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import type { Awaitable, Hello } from "@wsession/protocol";
import { Backoff } from "./backoff.ts";
import { clientError } from "./client-error.ts";
import { ABNORMAL } from "./close-table.ts";
import { Connection } from "./connection.ts";
import type { ConnectionOwner } from "./connection.ts";
import type { Address, ClientEvents, ClosedWhy, StatusEvent } from "./contract.ts";
import { after, onWake } from "./environment.ts";
import { Listeners } from "./listeners.ts";
import type { Settings } from "./options.ts";
import { Outgoing } from "./outgoing.ts";
import type { Page, Speaker, Standing } from "./page.ts";
import { PageStorage } from "./page-storage.ts";

export class Engine implements Page, ConnectionOwner {
  readonly listeners: Listeners = new Listeners();
  readonly outgoing: Outgoing;
  standing: Standing = { session: undefined, mark: 0, at: undefined, witness: undefined };
  status: StatusEvent["status"] = "connecting";
  session: ClientEvents["session"] | undefined;
  reader: Speaker | undefined;
  isFresh = true;
  maxMessage: number = Infinity;
  readonly isStored: boolean;
  readonly #settings: Settings;
  readonly #address: () => Awaitable<Address>;
  readonly #storage: PageStorage | undefined;
  readonly #backoff: Backoff;
  readonly #stopWaking: () => void;
  #live: Connection | undefined;
  /** The attempt under way, from the first question for its address on. */
  #attempt: { connection?: Connection } | undefined;
  /** Cancels the attempt that is to come. */
  #cancel: (() => void) | undefined;
  #renewalCode: string | undefined;
  /** The token that this page offered, or was told, last. */
  #token: string | undefined;
  #closing: Promise<unknown> = Promise.resolve();

  /** `key` tells the clients of one page apart in a storage. */
  constructor(address: () => Awaitable<Address>, key: string, settings: Settings) {
    this.#address = address;
    this.#settings = settings;
    this.#backoff = new Backoff(settings);
    this.#storage = settings.storage && new PageStorage(settings.storage, key);
    this.isStored = settings.storage !== undefined;
    this.outgoing = new Outgoing(settings, (then) => this.save(then));
    this.#stopWaking = onWake(() => {
      if (this.#cancel !== undefined) this.#connect();
      this.#live?.liveness.doubt();
    });
    void this.#start();
  }

  send(message: string | Uint8Array): Promise<void> {
    const promise = this.outgoing.add(
      message,
      this.standing.session === undefined ? undefined : this.standing.mark,
      this.#refusal(message),
    );
    this.reader?.pump();
    return promise;
  }

  sendNow(message: string | Uint8Array): boolean {
    return this.#live?.sendNow(message) ?? false;
  }

  reconnect(): void {
    if (this.status === "closed") return;
    this.isFresh = true;
    if (this.#attempt === undefined) this.#connect();
  }

  close(code: number, reason: string): Promise<unknown> {
    if (this.status !== "closed") this.#stop(code, reason, "asked");
    return this.#closing;
  }

  /** Somebody listens now: what came before has to come again. */
  heard(): void {
    if (this.#live?.conversation?.isBehind) this.handOver(0);
  }

  save(then: () => void = () => {}): void {
    if (this.#storage === undefined) then();
    else this.#storage.save(() => this.standing, this.outgoing, then);
  }

  greeted(speaker: Speaker, hello: Hello): void {
    const { session: id, resumed, token, beatMs } = hello;
    this.maxMessage = hello.maxMessage;
    if (token !== undefined) this.renewToken(token, () => {});
    this.#backoff.greeted(id !== undefined);
    const isSame = this.#live?.conversation === speaker && this.session?.id === id;
    if (!isSame) {
      this.session = id === undefined ? undefined : { id, resumed };
      if (this.session !== undefined) this.listeners.emit("session", this.session);
    }
    const connection = this.#attempt?.connection;
    if (connection?.conversation !== speaker) return;
    connection.liveness.silenceMs = Math.max(this.#settings.silenceMs, 2.5 * beatMs);
    this.#goLive(connection);
  }

  plain(connection: Connection): void {
    this.session = undefined;
    this.outgoing.rejectAll("NOT_SUPPORTED", "the server does not speak v1.wsession");
    this.#backoff.greeted(false);
    this.#goLive(connection);
  }

  ended(connection: Connection, code: number, reason: string): void {
    if (this.reader === connection.conversation) this.reader = undefined;
    if (connection === this.#live) {
      this.#live = undefined;
      // What becomes of the attempt decides: the server may have ended this connection because of it.
      if (this.#attempt !== undefined) return this.#tell({ status: "connecting" });
    } else if (connection === this.#attempt?.connection) this.#attempt = undefined;
    else return;
    this.#retry(code, reason);
  }

  renewToken(token: string, kept: () => void): void {
    void this.#writeToken(token).then((isKept) => {
      if (isKept) kept();
    });
  }

  handOver(withinMs: number, renewalCode?: string): void {
    if (this.status === "closed") return;
    if (renewalCode !== undefined) {
      this.#renewalCode = renewalCode;
      this.#abandon();
    }
    if (this.#attempt === undefined && this.#cancel === undefined) this.#schedule(Math.random() * withinMs);
  }

  async #start(): Promise<void> {
    const { standing, leftovers = [] } =
      (await this.#storage?.load((data) => (error) => this.listeners.emit("leftover", { data, error }))) ??
      {};
    if (standing !== undefined) {
      const { session, mark, at, witness } = standing;
      this.standing = { session, mark, at, witness };
      this.outgoing.own.session = session;
      for (const entry of this.outgoing.own.waiting) entry.mark ??= mark;
    }
    this.outgoing.leftovers = leftovers;
    if (this.status !== "closed") this.#connect();
    else this.outgoing.rejectAll("CLOSED", "the client has closed");
  }

  #connect(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#live === undefined) this.#tell({ status: "connecting" });
    const attempt: { connection?: Connection } = {};
    this.#attempt = attempt;
    void this.#open(attempt).catch((error: unknown) => {
      if (this.#attempt !== attempt) return;
      this.#attempt = undefined;
      this.#retry(ABNORMAL, error instanceof Error ? error.message : String(error));
    });
  }

  async #open(attempt: { connection?: Connection }): Promise<void> {
    const { token: tokens, protocols, renewalParameter } = this.#settings;
    const address = await this.#address();
    const code = this.#renewalCode;
    const token = await tokens?.read();
    if (this.#attempt !== attempt) return;
    let url = typeof address === "string" ? address : address.href;
    const offered = [DECOY_SUBPROTOCOL, SUBPROTOCOL, ...protocols];
    const add = (name: string, value: string) => {
      url += `${url.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(value)}`;
    };
    const secret = tokens && (code ?? token);
    if (tokens === undefined) {
      if (code !== undefined) add(renewalParameter, code);
    } else if (secret !== undefined) {
      if (tokens.queryParameter === undefined) offered.push(`wsession.${secret}`);
      else add(tokens.queryParameter, secret);
    }
    this.#token = token;
    attempt.connection = new Connection(url, offered, this.#settings, this, this);
  }

  #goLive(connection: Connection): void {
    void this.#live?.close(1000, "");
    this.#live = connection;
    this.#attempt = undefined;
    this.#renewalCode = undefined;
    this.isFresh = false;
    this.#tell({ status: "live" });
  }

  #abandon(): void {
    void this.#attempt?.connection?.close(1000, "");
    this.#attempt = undefined;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(ms: number): void {
    this.#cancel = after(ms, () => this.#connect());
  }

  #retry(code: number, reason: string): void {
    this.#cancel?.();
    const next = this.#backoff.next(code);
    if (typeof next === "number") {
      this.#schedule(next);
      if (this.#live === undefined) this.#tell({ status: "waiting", retryInMs: next, code, reason });
    } else if (this.#live !== undefined) this.#schedule(this.#settings.maxMs);
    else {
      if (next === "login" && this.#token !== undefined) void this.#writeToken(undefined, this.#token);
      this.#stop(code, reason, next);
    }
  }

  #stop(code: number, reason: string, why: ClosedWhy): void {
    const live = this.#live;
    const attempt = this.#attempt?.connection;
    this.#live = undefined;
    this.#attempt = undefined;
    this.#abandon();
    this.#closing = Promise.all([live?.close(code, reason), attempt?.close(code, reason)]);
    this.reader = undefined;
    this.#stopWaking();
    this.outgoing.rejectAll("CLOSED", "the client has closed");
    this.status = "closed";
    this.save(() => {
      this.listeners.emit("status", { status: "closed", code, reason });
      this.listeners.emit("closed", { code, reason, why });
    });
  }

  #tell(event: StatusEvent): void {
    if (event.status === this.status && event.status !== "waiting") return;
    this.status = event.status;
    this.listeners.emit("status", event);
  }

  /** Whether it was written. With `instead`: only where that is what is stored, since another tab may have a new one. */
  async #writeToken(token: string | undefined, instead?: string): Promise<boolean> {
    const { token: tokens } = this.#settings;
    try {
      if (tokens === undefined || (instead !== undefined && (await tokens.read()) !== instead)) return false;
      this.#token = token;
      await tokens.write(token);
      return true;
    } catch {
      return false;
    }
  }

  /** Why `message` can't be queued. */
  #refusal(message: unknown): Error | undefined {
    if (typeof message !== "string" && !(message instanceof Uint8Array))
      return clientError("INVALID_ARGUMENT", "a message is a string or a Uint8Array");
    if (this.status === "closed") return clientError("CLOSED", "the client has closed");
    if (this.#live?.isPlain) return clientError("NOT_SUPPORTED", "the server does not speak v1.wsession");
    return undefined;
  }
}
