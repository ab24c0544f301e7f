import type { Sent } from "@wsession/protocol";
import type { Settings } from "../api/options.ts";
import { SessionError } from "../base/errors.ts";
import type { SessionStore } from "../store/contract.ts";
import type { AppendedEvent, AppendRequest, AppendResult, Position } from "../store/outbox-contract.ts";
import type { LocalSession } from "./local-session.ts";
import { BEGINNING, isSame } from "./kept-run.ts";
import { OutboxStream } from "./outbox-stream.ts";
import type { OutboxAccess } from "./outbox-access.ts";
import type { OutboxContext, OutboxSession } from "./outbox-stream.ts";
import { SendQueue } from "./send-queue.ts";
import type { OutgoingMessage } from "./appending.ts";
import type { SendContext } from "./send-queue.ts";
import { fenceOf } from "./session-connection.ts";
import { writesOf } from "./write-queue.ts";

/** What the registry lends. */
export interface OutboxesContext<Data extends object> extends OutboxContext {
  readonly store: SessionStore;
  readonly settings: Pick<Settings<Data, unknown>, "outbox">;
}

/** Nothing was kept: there is no position to come back to. */
const NOT_KEPT: Sent = { offset: 0 };

/**
 * The outboxes of this process's sessions. Few sessions have one, so they are kept apart: a field would cost every session. A
 * session without kept messages costs nothing here.
 */
export class Outboxes<Data extends object> implements OutboxAccess {
  readonly #context: OutboxesContext<Data>;
  readonly #find: (id: string) => LocalSession<Data> | undefined;
  readonly #streams = new WeakMap<OutboxSession, OutboxStream>();
  readonly #sending = new Map<string, SendQueue>();

  /** `find`: the session's state in this process, if there is one. */
  constructor(context: OutboxesContext<Data>, find: (id: string) => LocalSession<Data> | undefined) {
    this.#context = context;
    this.#find = find;
  }

  get areKept(): boolean {
    const { capabilities, append, read } = this.#context.store;
    return capabilities.outbox === true && append !== undefined && read !== undefined;
  }

  peek(state: OutboxSession): OutboxStream | undefined {
    return this.#streams.get(state);
  }

  of(state: OutboxSession): OutboxStream {
    let stream = this.#streams.get(state);
    if (stream === undefined) this.#streams.set(state, (stream = new OutboxStream(this.#context, state)));
    return stream;
  }

  /** Up to where the session's outbox was heard of. */
  endOf(state: OutboxSession): Position {
    return this.peek(state)?.end ?? BEGINNING;
  }

  /** An answer of the store about the session said where the outbox ends. A stream is made for more than the beginning alone. */
  learn(state: OutboxSession, end: Position | undefined): void {
    if (end === undefined) return;
    if (isSame(end, BEGINNING)) this.peek(state)?.learn(end);
    else this.of(state).learn(end);
  }

  applyAnnouncement(state: OutboxSession, { end, run }: AppendedEvent): void {
    const stream = this.of(state);
    if (run === undefined) stream.doubt(end);
    else stream.take(run);
  }

  async send(
    id: string,
    message: OutgoingMessage,
    sender: { readonly fence: number } | undefined,
  ): Promise<Sent | undefined> {
    if (!this.#context.store.capabilities.resumable) return this.#sendToThoseHere(id, message);
    if (!this.areKept)
      throw new SessionError(
        "NOT_SUPPORTED",
        "this store can't keep messages: use mapStore() or redisStore()",
        {
          outcome: "not-applied",
        },
      );
    return this.#queueOf(id).send(message, fenceOf(sender));
  }

  /** A session that ends with its connection has nobody who could come back for a message. */
  #sendToThoseHere(id: string, { data }: OutgoingMessage): Sent | undefined {
    const state = this.#find(id);
    if (state === undefined || state.gone) return undefined;
    for (const connection of state.connections()) connection.publicConnection.send(data);
    return NOT_KEPT;
  }

  #queueOf(id: string): SendQueue {
    let queue = this.#sending.get(id);
    if (queue === undefined) this.#sending.set(id, (queue = new SendQueue(this.#sendContext(id))));
    return queue;
  }

  #sendContext(id: string): SendContext {
    const { store, settings } = this.#context;
    const state = () => this.#find(id);
    return {
      bounds: settings.outbox,
      run: (append) => this.#alone(state(), append),
      append(request: Omit<AppendRequest, "id">) {
        // Asked for in `send`, before anything waits for it.
        return store.append?.({ id, ...request }) ?? { type: "missing" };
      },
      appended: (run) => {
        const found = state();
        if (found !== undefined) this.of(found).take(run);
      },
      unknown: () => {
        const found = state();
        if (found !== undefined) this.of(found).unknown();
      },
      missing: () => void state()?.endSession({ code: 4410, reason: "session gone" }),
      idle: () => void this.#sending.delete(id),
    };
  }

  /** When nothing else of this process writes to the session: a store takes one write of a session at a time from a process. */
  async #alone(
    state: LocalSession<Data> | undefined,
    append: () => AppendResult | PromiseLike<AppendResult>,
  ): Promise<AppendResult> {
    if (state !== undefined && !state.gone) return writesOf(state).alone(append);
    this.#context.calls.begin();
    try {
      return await append();
    } finally {
      this.#context.calls.end();
    }
  }
}
