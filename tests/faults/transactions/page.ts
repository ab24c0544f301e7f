import { type Client, connect, isClientError, isTransactionRefused, tokenInMemory } from "@wsession/client";
import { WebSocket } from "ws";
import type { Kind, PageEvent, PageHistory, StoredTransactions } from "./history.ts";

export interface PageOptions {
  readonly name: string;
  readonly session: string;
  readonly token: string;
  /** The address that the page connects to. */
  readonly port: number;
  /** Connections without progress after which the client rejects a message. */
  readonly attempts: number;
}

/** A page of a browser: the real client, with a record of its messages and of the outcomes that it received. */
export class Page {
  readonly name: string;
  readonly session: string;
  readonly #client: Client;
  readonly #events: PageEvent[] = [];
  readonly #sends = new Set<Promise<void>>();
  /** Messages that count and have no answer yet. */
  readonly #unanswered = new Set<number>();
  readonly counts: { sent: number; resolved: number; refused: number; unknown: number; replies: number } = {
    sent: 0,
    resolved: 0,
    refused: 0,
    unknown: 0,
    replies: 0,
  };
  /** The last answer that this page got. After `missed`: the last answer that it missed. */
  #last: { readonly offset: number; readonly of: string | undefined } | undefined;
  /** Milliseconds until the slowest message was settled. */
  slowestMs = 0;
  isClosed = false;
  #isLeft = false;

  constructor({ name, session, token, port, attempts }: PageOptions) {
    this.name = name;
    this.session = session;
    const storage = tokenInMemory({ queryParameter: "token" });
    storage.write(token);
    this.#client = connect(`ws://127.0.0.1:${port}/`, {
      WebSocket,
      token: storage,
      attempts,
      backoff: { minMs: 10, maxMs: 200 },
      silenceMs: 1_000,
    });
    this.#listen();
  }

  get unsettled(): number {
    return this.#sends.size;
  }

  /** Whether each message that counts was answered. */
  get isAnswered(): boolean {
    return this.#unanswered.size === 0;
  }

  /** Whether this page got all messages of the store, or a report of those that it missed. */
  isAt(outbox: StoredTransactions["outbox"] | undefined): boolean {
    if (this.isClosed || outbox === undefined) return true;
    const end = outbox.first + outbox.replies.length - 1;
    const reply = outbox.replies.at(-1);
    if (this.#last === undefined) return false;
    const { offset, of } = this.#last;
    return offset === end && (of === undefined || of === `${reply?.page} ${reply?.n}`);
  }

  /** Resolves once the message has any outcome. */
  send(kind: Kind): Promise<void> {
    const n = (this.counts.sent += 1);
    this.#events.push({ type: "sent", n, kind });
    const sentAt = performance.now();
    const sending = this.#settle(n, kind, this.#client.send(`${kind} ${this.name} ${n}`));
    this.#sends.add(sending);
    void sending.then(() => {
      this.#sends.delete(sending);
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
    });
    return sending;
  }

  /** Opens another connection beside the present one. */
  reconnect(): void {
    this.#client.reconnect();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#sends);
  }

  /** Resolves once one of the messages in flight is settled. */
  async moved(): Promise<void> {
    await Promise.race(this.#sends);
  }

  close(): Promise<void> {
    this.#isLeft = true;
    return this.#client.close();
  }

  history(): PageHistory {
    return {
      page: this.name,
      session: this.session,
      events: this.#events.slice(),
      isOpen: !this.#isLeft && !this.isClosed,
    };
  }

  async #settle(n: number, kind: Kind, sending: Promise<void>): Promise<void> {
    try {
      await sending;
      this.#events.push({ type: "resolved", n });
      this.counts.resolved += 1;
      if (kind === "add" && !this.#answered.has(n)) this.#unanswered.add(n);
    } catch (error) {
      const isTyped = isClientError(error) || isTransactionRefused(error);
      const code = isTyped ? error.code : String(error);
      const outcome = isTyped && error.outcome === "not-applied" ? "not-applied" : "unknown";
      this.#events.push({ type: "rejected", n, code, outcome });
      this.counts[outcome === "unknown" ? "unknown" : "refused"] += 1;
    }
  }

  /** An answer may come before or after its message is settled. */
  readonly #answered = new Set<number>();

  #listen(): void {
    const client = this.#client;
    client.on("message", ({ data, offset }) => {
      if (offset === undefined) return;
      const [page = "", text = ""] = String(data).split(" ");
      const n = Number(text);
      this.#events.push({ type: "reply", offset, page, n });
      this.#last = { offset, of: `${page} ${n}` };
      this.counts.replies += 1;
      if (page !== this.name) return;
      this.#answered.add(n);
      this.#unanswered.delete(n);
    });
    client.on("missed", ({ from, to, certain }) => {
      this.#events.push({ type: "missed", from, to, certain });
      this.#last = { offset: to, of: undefined };
    });
    client.on("rolledBack", ({ from, to }) => void this.#events.push({ type: "rolledBack", from, to }));
    client.on("session", ({ id }) => {
      if (id !== this.session) this.#close("another session");
    });
    client.on("closed", ({ why }) => this.#close(why));
  }

  #close(why: string): void {
    this.isClosed = true;
    this.#events.push({ type: "closed", why });
  }
}
