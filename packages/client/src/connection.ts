import { ProtocolError, SUBPROTOCOL, writeClientControl, writePlain } from "@wsession/protocol";
import { ABNORMAL, BAD_FRAME } from "./close-table.ts";
import { Conversation } from "./conversation.ts";
import { Link } from "./link.ts";
import type { LinkOwner } from "./link.ts";
import { Liveness } from "./liveness.ts";
import type { Settings } from "./options.ts";
import type { Page } from "./page.ts";

export interface ConnectionOwner {
  /** The server does not speak v1.wsession. */
  plain(connection: Connection): void;
  ended(connection: Connection, code: number, reason: string): void;
}

/** A WebSocket, and what is spoken on it. */
export class Connection implements LinkOwner {
  readonly link: Link;
  readonly liveness: Liveness;
  /** `undefined`: it is not open yet, or the server does not speak v1.wsession. */
  conversation: Conversation | undefined;
  isPlain = false;
  readonly #page: Page;
  readonly #owner: ConnectionOwner;
  readonly #attempts: number;

  constructor(
    url: string,
    protocols: string[],
    { WebSocket, silenceMs, attempts }: Settings,
    page: Page,
    owner: ConnectionOwner,
  ) {
    this.#page = page;
    this.#owner = owner;
    this.#attempts = attempts;
    this.link = new Link(WebSocket, url, protocols, this);
    this.liveness = new Liveness(
      silenceMs,
      () => this.link.send(writeClientControl({ type: "probe" })),
      () => this.#fail(ABNORMAL, "the server is silent", 1000),
    );
  }

  opened(): void {
    this.liveness.heard();
    if (this.link.protocol === SUBPROTOCOL) {
      this.conversation = new Conversation(this.link, this.#page);
      return;
    }
    // A page can't ping, and a plain server answers no probe.
    this.liveness.stop();
    this.isPlain = true;
    this.#owner.plain(this);
  }

  received(frame: string | Uint8Array): void {
    this.liveness.heard();
    if (this.isPlain) {
      this.#page.listeners.emit("message", { data: frame, offset: undefined, replayed: false });
      return;
    }
    try {
      this.conversation?.received(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#fail(BAD_FRAME, error.message, BAD_FRAME);
    }
  }

  ended(code: number, reason: string): void {
    this.liveness.stop();
    this.conversation?.ended(code, this.#attempts);
    this.#owner.ended(this, code, reason);
  }

  sendNow(message: string | Uint8Array): boolean {
    return this.link.send(this.isPlain ? message : writePlain(message));
  }

  /** Leaves for good. Resolves when the socket has closed. */
  close(code: number, reason: string): Promise<void> {
    this.liveness.stop();
    if (this.conversation !== undefined) this.link.send(writeClientControl({ type: "bye" }));
    return this.link.close(code, reason);
  }

  #fail(code: number, reason: string, sent: number): void {
    void this.link.close(sent, reason);
    this.ended(code, reason);
  }
}
