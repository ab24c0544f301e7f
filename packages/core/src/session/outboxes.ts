import { GONE } from "../base/endings.ts";
import type { Sent } from "@wsession/protocol";
import type { Settings } from "../api/settings.ts";
import { SessionError } from "../base/errors.ts";
import type { Running } from "../base/operation.ts";
import { telemetry } from "../base/telemetry.ts";
import type { SessionStore } from "../store/contract.ts";
import type { AppendedEvent, AppendRequest, AppendResult, Position } from "../store/outbox-contract.ts";
import type { LocalSession } from "./local-session.ts";
import { BEGINNING, isSamePosition } from "./kept-run.ts";
import { OutboxStream } from "./outbox-stream.ts";
import type { OutboxAccess } from "./outbox-access.ts";
import type { OutboxContext, OutboxSession } from "./outbox-stream.ts";
import { SendQueue } from "./send-queue.ts";
import type { OutgoingMessage } from "./appending.ts";
import type { SendContext, Sender, SendResult } from "./send-queue.ts";
import { fenceOf } from "./session-connection.ts";
import { writesOf } from "./write-queue.ts";

/** The parts of the registry that the outboxes use. */
export interface OutboxesContext<Data extends object> extends OutboxContext {
  readonly store: SessionStore;
  readonly settings: Pick<Settings<Data>, "outbox">;
}

/** The result of a send to a session that lives on its connection. The message is not kept, so there is no offset. */
const NOT_KEPT: Sent = { offset: 0 };

/**
 * The outboxes of this process's sessions, in a map by session. Few sessions have an outbox, and a field would cost memory in every
 * session. A session without kept messages costs nothing here.
 */
export class Outboxes<Data extends object> implements OutboxAccess {
  readonly #context: OutboxesContext<Data>;
  readonly #find: (id: string) => LocalSession<Data> | undefined;
  readonly #streams = new WeakMap<OutboxSession, OutboxStream>();
  readonly #sending = new Map<string, SendQueue>();

  /** `find` returns the session's state, if this process has one. */
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

  /** The end of the session's outbox, as this process has received it. */
  endOf(state: OutboxSession): Position {
    return this.peek(state)?.end ?? BEGINNING;
  }

  /** Takes the end of the outbox from a reply of the store. A stream is created only if the outbox has entries. */
  takeEnd(state: OutboxSession, end: Position | undefined): void {
    if (end === undefined) return;
    if (isSamePosition(end, BEGINNING)) this.peek(state)?.onReplyEnd(end);
    else this.of(state).onReplyEnd(end);
  }

  passedOn(state: OutboxSession, end: Position): void {
    this.of(state).skipTo(end);
  }

  applyAnnouncement(state: OutboxSession, { end, run }: AppendedEvent): void {
    const stream = this.of(state);
    if (run === undefined) stream.onReportedEnd(end);
    else stream.add(run);
  }

  send(
    id: string,
    message: OutgoingMessage,
    sender: Sender,
    subject: string | undefined,
    result: SendResult,
  ): void {
    if (telemetry.outboxSend.isObserved) this.#sendObserved(id, message, sender, subject, result);
    else this.#send(id, message, sender, subject, result);
  }

  #sendObserved(
    sessionId: string,
    message: OutgoingMessage,
    sender: Sender,
    subject: string | undefined,
    result: SendResult,
  ): void {
    const begun = { sessionId, bytes: message.bytes };
    telemetry.outboxSend.run(begun, (running) =>
      this.#send(sessionId, message, sender, subject, observedResult(result, running)),
    );
  }

  #send(
    id: string,
    message: OutgoingMessage,
    sender: Sender,
    subject: string | undefined,
    result: SendResult,
  ): void {
    if (!this.#context.store.capabilities.resumable) this.#sendToConnections(id, message, subject, result);
    else if (this.areKept) this.#queueOf(id).send(message, sender, subject, result);
    else
      result.reject(
        new SessionError("NOT_SUPPORTED", "this store can't keep messages: use mapStore() or redisStore()", {
          outcome: "not-applied",
        }),
      );
  }

  /** For sessions that end with their connection: no client can come back for a message, so nothing is kept. */
  #sendToConnections(
    id: string,
    { data }: OutgoingMessage,
    subject: string | undefined,
    result: SendResult,
  ): void {
    const state = this.#find(id);
    if (state === undefined || state.isGone) return result.missing();
    if (subject !== undefined && subject !== state.subject) return result.missing();
    for (const connection of state.connections()) connection.publicConnection.send(data);
    result.resolve(NOT_KEPT);
  }

  #queueOf(id: string): SendQueue {
    let queue = this.#sending.get(id);
    if (queue === undefined) this.#sending.set(id, (queue = new SendQueue(this.#sendContext(id))));
    return queue;
  }

  #sendContext(id: string): SendContext {
    const { settings } = this.#context;
    const state = () => this.#find(id);
    return {
      bounds: settings.outbox,
      run: (append) => this.#asSoleWriter(state(), append),
      // `send` has checked already that the store has `append`.
      append: (request: Omit<AppendRequest, "id">) =>
        this.#context.store.append?.({ id, ...request }) ?? { type: "missing" },
      appended: (run) => {
        const found = state();
        if (found !== undefined) this.of(found).add(run);
      },
      unknown: () => {
        const found = state();
        if (found !== undefined) this.of(found).onUnknownAppend();
      },
      fenced: (sender) => void state()?.replace((fenceOf(sender) ?? 0) + 1),
      missing: () => void state()?.endSession(GONE),
      idle: () => void this.#sending.delete(id),
    };
  }

  /**
   * Runs `append` while no other write of this process to the session is in progress, because core promises stores one write of a
   * session at a time.
   */
  async #asSoleWriter(
    state: LocalSession<Data> | undefined,
    append: () => AppendResult | PromiseLike<AppendResult>,
  ): Promise<AppendResult> {
    if (state !== undefined && !state.isGone) return writesOf(state).alone(append);
    this.#context.calls.begin();
    try {
      return await append();
    } finally {
      this.#context.calls.end();
    }
  }
}

/** Passes the result on, and ends the observed operation. */
function observedResult(result: SendResult, running: Running<"wsession:outbox:send">): SendResult {
  return {
    resolve(sent) {
      running.end();
      result.resolve(sent);
    },
    reject(error) {
      running.end(error);
      result.reject(error);
    },
    missing() {
      running.event.outcome = "missing";
      running.end();
      result.missing();
    },
  };
}
