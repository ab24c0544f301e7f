import type { Connection, Patch, Renewal, Session } from "../api/contract.ts";
import type { PromiseOwner, SendOptions, Sent } from "@wsession/protocol";
import { replaceToken } from "./secrets.ts";
import { checkMessage } from "./send-queue.ts";
import type { SendResult } from "./send-queue.ts";
import { assertFunction, assertNoMore, assertNone, assertReason } from "../base/arguments.ts";
import { destroyedEnding, GONE } from "../base/endings.ts";
import { fencedError, goneError, inTransactionError, tokenReplacedError } from "../base/errors.ts";
import type { SessionError } from "../base/errors.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { assertSubject } from "../base/names.ts";
import { owned, OwnedResult } from "../base/owned-promise.ts";
import { applied } from "../base/promises.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import { checkLifetimes, extendInStore } from "./own-lifetimes.ts";
import { fenceOf } from "./session-connection.ts";
import type { LocalSession } from "./local-session.ts";
import type { PendingDecision } from "./pending.ts";
import type { Write } from "./writes.ts";
import type { SessionConnection } from "./session-connection.ts";
import { writesOf } from "./write-queue.ts";

/**
 * A handle on a session. The writes of a connection's handle carry the fence of that connection (I13). An administrative handle
 * has no connection and no fence.
 */
export class SessionHandle<Data extends object> implements Session<Data>, PromiseOwner {
  readonly #state: LocalSession<Data>;
  readonly #connection: SessionConnection<Data> | undefined;

  constructor(state: LocalSession<Data>, connection: SessionConnection<Data> | undefined) {
    this.#state = state;
    this.#connection = connection;
  }

  get id(): string {
    return this.#state.id;
  }

  get data(): Readonly<Data> {
    return this.#state.data;
  }

  get version(): number {
    return this.#state.version;
  }

  get subject(): string | undefined {
    return this.#state.subject;
  }

  get expiresAt(): number {
    return this.#state.context.lifetimes.expiresAt(this.#state);
  }

  get idleExpiresAt(): number {
    return this.#state.context.lifetimes.idleExpiresAt(this.#state);
  }

  get connections(): Iterable<Connection<Data, unknown, never>> {
    return [...this.#state.connections()].map((connection) => connection.publicConnection);
  }

  // A bad argument throws at once, also from methods that return a promise, because the caller may not await the promise.

  set(data: Data, surplus?: undefined): Promise<void> {
    assertNoMore("set()", surplus);
    return this.#write({ type: "set", data }, withoutResult);
  }

  patch(fields: Patch<Data>, surplus?: undefined): Promise<void> {
    assertNoMore("patch()", surplus);
    return this.#write({ type: "patch", fields }, withoutResult);
  }

  update(change: (data: Readonly<Data>) => Data, surplus?: undefined): Promise<Readonly<Data>> {
    assertFunction("update()'s change", change);
    assertNoMore("update()", surplus);
    return this.#write({ type: "update", change }, withData);
  }

  refresh(surplus?: undefined): Promise<Readonly<Data>> {
    assertNone("refresh()", surplus);
    return this.#owned(this.#refresh());
  }

  touch(surplus?: undefined): Promise<void> {
    assertNone("touch()", surplus);
    const { idleMs } = this.#state.context.settings;
    return this.#owned(this.#touch(idleMs, undefined));
  }

  extend(lifetimes: Lifetimes = {}, surplus?: undefined): Promise<void> {
    const given = checkLifetimes("extend()", lifetimes);
    assertNoMore("extend()", surplus);
    const { settings } = this.#state.context;
    const absoluteMs = this.#state.lifetime?.own?.absoluteMs ?? settings.absoluteMs;
    return this.#owned(given === undefined ? this.#touch(settings.idleMs, absoluteMs) : this.#extend(given));
  }

  identify(subject: string, surplus?: undefined): Promise<Renewal> {
    assertSubject("identify()", subject);
    assertNoMore("identify()", surplus);
    const decision = this.#state.context.pending.begin(subject);
    return this.#owned(this.#renew(decision, 0).finally(() => decision.dispose()));
  }

  /** As `identify`, for a login that has a decision already. The caller disposes of the decision. */
  identifyBy(decision: PendingDecision): Promise<Renewal> {
    return this.#owned(this.#renew(decision, 0));
  }

  rotate(surplus?: undefined): Promise<Renewal> {
    assertNone("rotate()", surplus);
    return this.#owned(this.#renew(undefined, this.#state.context.settings.graceMs));
  }

  send(message: string | Uint8Array, options?: SendOptions, surplus?: undefined): Promise<Sent> {
    const checked = checkMessage("send()", message, options);
    assertNoMore("send()", surplus);
    const { context, id } = this.#state;
    const result = new SentToSession(this.#connection ?? this.#state);
    const refusal = this.#writeRefusal();
    if (refusal === undefined) context.outboxes.send(id, checked, this.#connection, undefined, result);
    else result.reject(refusal);
    return result.promise;
  }

  destroy(reason?: string, surplus?: undefined): Promise<boolean> {
    assertReason("destroy()'s reason", reason);
    assertNoMore("destroy()", surplus);
    return this.#owned(this.#destroy(reason));
  }

  ownPromise<Result>(promise: Promise<Result>): Promise<Result> {
    return this.#owned(promise);
  }

  /** The digest of the token that this handle was opened with; `undefined` for a handle that was not opened by a token. */
  protected get presentedDigest(): string | undefined {
    return undefined;
  }

  /** The call of this handle that replaced the token has succeeded. */
  protected onTokenReplaced(_digest: string): void {}

  /** The owner of an unhandled rejection: the connection, or the session for an administrative handle (I12). */
  #owned<Result>(promise: Promise<Result>): Promise<Result> {
    return owned(promise, this.#connection ?? this.#state);
  }

  async #refresh(): Promise<Readonly<Data>> {
    await this.#ask(() => this.#state.read());
    return this.#state.data;
  }

  async #destroy(reason: string | undefined): Promise<boolean> {
    const state = this.#state;
    if (state.isGone) return false;
    return this.#ask(() =>
      applied(state.context.store.destroy(state.id, reason, false), ({ destroyed }) => {
        state.endSession(destroyedEnding(reason));
        publishDestroyed(destroyed, "call");
        return destroyed.length > 0;
      }),
    );
  }

  #write<Result>(kind: Write<Data>["kind"], resultOf: (data: Readonly<Data>) => Result): Promise<Result> {
    const refusal = this.#writeRefusal();
    if (refusal !== undefined) return this.#owned(Promise.reject(refusal));
    return writesOf(this.#state).write({ kind, writer: this.#connection }, resultOf);
  }

  async #extend(given: Lifetimes): Promise<void> {
    const state = this.#state;
    const stored = await this.#ask(() => extendInStore(state.context.settings, state.id, given));
    if (stored === undefined) {
      state.endSession(GONE);
      throw goneError();
    }
    state.context.lifetimes.set(state, stored);
  }

  async #touch(idleMs: number, absoluteMs: number | undefined): Promise<void> {
    const state = this.#state;
    if (!(await this.#ask(() => state.context.store.touch(state.id, idleMs, absoluteMs)))) {
      state.endSession(GONE);
      throw goneError();
    }
    state.context.lifetimes.touched(state, absoluteMs);
  }

  /** Only a login has a decision, because only a login can be overtaken by a destruction of its subject's sessions. */
  async #renew(decision: PendingDecision | undefined, graceMs: number): Promise<Renewal> {
    const refusal = this.#writeRefusal();
    if (refusal !== undefined) throw refusal;
    const fence = () => fenceOf(this.#connection);
    const replaces = this.presentedDigest;
    const result = await replaceToken(this.#state, {
      decision,
      onlyUnowned: false,
      replaces,
      graceMs,
      takesSubject: true,
      fence,
    });
    if (result.type === "foreign") throw tokenReplacedError();
    if (result.type !== "replaced") throw goneError();
    this.onTokenReplaced(result.digest);
    const renewal = { token: result.token, renewalCode: result.renewalCode };
    this.#connection?.onRenewed(renewal);
    return renewal;
  }

  async #ask<Result>(question: () => Result): Promise<Awaited<Result>> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    return this.#state.context.calls.ask(question);
  }

  /**
   * Why a write is refused; `undefined` if it is not. A write outside the running transaction is refused, because it could be
   * applied without the transaction, or more than once (I21).
   */
  #writeRefusal(): SessionError | undefined {
    return this.#connection?.isInTransaction === true ? inTransactionError() : this.#refusal();
  }

  #refusal(): SessionError | undefined {
    if (this.#state.isGone) return goneError();
    // The store would refuse the call for the same reason, so save the round trip.
    return this.#connection !== undefined && this.#connection.fence < this.#state.fence
      ? fencedError()
      : undefined;
  }
}

class SentToSession extends OwnedResult<Sent> implements SendResult {
  missing(): void {
    this.reject(goneError());
  }
}

function withoutResult(): void {}

function withData<Data>(data: Data): Data {
  return data;
}
