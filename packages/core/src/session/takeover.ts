/** Takeovers by an existing connection (`exclusive`): of its session, and of the subject of its session. */
import { CloseCode } from "../base/close-codes.ts";
import { asStoreError, SessionError } from "../base/errors.ts";
import { GONE, REPLACED } from "../base/endings.ts";
import type { Awaitable } from "@wsession/protocol";
import type { RotateResult, TakeOverResult } from "../store/contract.ts";
import type { TakeOverSubjectResult } from "../store/subject-contract.ts";
import { LOST_FENCE, PENDING_FENCE } from "./session-connection.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import { withAnswer } from "./store-calls.ts";
import { writesOf } from "./write-queue.ts";

/** Whether a connection has to take its session over, once it exists. `resumed`: the session may have an older connection. */
export function takesOver<Data extends object>(state: LocalSession<Data>, resumed: boolean): boolean {
  const { store, settings } = state.context;
  if (!settings.exclusive) return false;
  return hasExclusiveSubject(state) || (resumed && store.takeOver !== undefined);
}

function hasExclusiveSubject<Data extends object>({ context, subject }: LocalSession<Data>): boolean {
  return context.settings.exclusiveSubject && subject !== undefined;
}

/**
 * Takes a session over for an existing connection (`exclusive`), and the session's subject too with `exclusive: "subject"`. A
 * takeover before the 101 would be too early, because a handshake that never becomes a connection would then end the current
 * connection. The other connections of this process to the session end at once. The writes of the new connection wait for the
 * answer, because otherwise they would carry an older fence (I13). A connection whose takeover fails is closed with 4503.
 */
export function takeOver<Data extends object>(
  state: LocalSession<Data>,
  connection: SessionConnection<Data>,
): void {
  state.replaceOthers(connection);
  // Takeovers run one after another, because two takeovers in flight could reach the store in the wrong order.
  void writesOf(state).alone((): Awaitable<void> => {
    // A newer connection of this process replaced this one while earlier writes were awaited.
    if (connection.fence !== PENDING_FENCE) return undefined;
    return withAnswer(
      () => takeOverInStore(state, true),
      (result) => applyTakeover(state, [connection], result),
      (error) => {
        state.context.report(endFailed([connection], error), { stage: "store", sessionId: state.id });
      },
    );
  });
}

/**
 * A login (`identify`) with `exclusive: "subject"`. It takes the subject over in the same task of the write queue as the
 * rotation, so that no write of the session runs between the two. Until then the connections of the session have a pending fence.
 * Otherwise an earlier login of the subject would find the session as soon as the session has the subject, would end these
 * connections, and no connection would be left.
 */
export class SubjectLogin<Data extends object> {
  readonly #state: LocalSession<Data>;
  readonly #subject: string;
  /** The connections whose fence is pending, with the fence that each had before. */
  readonly #fencesBefore = new Map<SessionConnection<Data>, number>();

  /** Begins a login; `undefined` without `exclusive: "subject"`. */
  static begin<Data extends object>(
    state: LocalSession<Data>,
    subject: string | undefined,
  ): SubjectLogin<Data> | undefined {
    if (subject === undefined || !state.context.settings.exclusiveSubject) return undefined;
    return new SubjectLogin(state, subject);
  }

  private constructor(state: LocalSession<Data>, subject: string) {
    this.#state = state;
    this.#subject = subject;
  }

  /** Runs the rotation, and then the takeover if the session got its subject. Call it once the request has read its fence. */
  rotate(rotation: () => Awaitable<RotateResult>): Awaitable<RotateResult> {
    for (const connection of this.#state.connections()) {
      const { fence, isEnding } = connection;
      if (isEnding || fence === LOST_FENCE || fence === PENDING_FENCE) continue;
      this.#fencesBefore.set(connection, fence);
      connection.fence = PENDING_FENCE;
    }
    return withAnswer(
      rotation,
      (result) => (result.type === "rotated" ? this.#takeOver(result) : this.#undo(result)),
      (error) => {
        this.#undo(undefined);
        throw error;
      },
    );
  }

  #takeOver(rotated: RotateResult): RotateResult | Promise<RotateResult> {
    const connections = [...this.#fencesBefore.keys()];
    return withAnswer(
      () => takeOverInStore(this.#state, connections.length > 0, this.#subject),
      (result) => {
        applyTakeover(this.#state, connections, result);
        return rotated;
      },
      (error) => {
        // The outcome is unknown, because the rotation has succeeded: the session has its subject already.
        const cause = endFailed(connections, error);
        throw new SessionError("STORE_UNAVAILABLE", "the subject could not be taken over", {
          cause,
          outcome: "unknown",
        });
      },
    );
  }

  #undo<Result>(result: Result): Result {
    for (const [connection, fence] of this.#fencesBefore)
      if (connection.fence === PENDING_FENCE) connection.fence = fence;
    this.#state.replace(this.#state.fence);
    return result;
  }
}

/** Takes the session's subject over with `exclusive: "subject"`, and otherwise the session. */
function takeOverInStore<Data extends object>(
  state: LocalSession<Data>,
  raise: boolean,
  subject: string | undefined = state.subject,
): Awaitable<TakeOverSubjectResult> {
  const { id } = state;
  const { settings, store } = state.context;
  if (settings.exclusiveSubject && subject !== undefined)
    return store.takeOverSubject?.({ id, subject, raise }) ?? { type: "missing" };
  return withAnswer<TakeOverResult, TakeOverSubjectResult>(
    () => store.takeOver?.(id) ?? { type: "missing" },
    (result) => (result.type === "taken" ? { ...result, others: [] } : result),
  );
}

function applyTakeover<Data extends object>(
  state: LocalSession<Data>,
  connections: readonly SessionConnection<Data>[],
  result: TakeOverSubjectResult,
): void {
  if (result.type === "missing") {
    for (const connection of connections) connection.fence = LOST_FENCE;
    state.endSession(GONE);
    return;
  }
  const { fence } = result;
  const isTaken = result.type === "taken";
  for (const connection of connections)
    if (connection.fence === PENDING_FENCE) connection.fence = isTaken ? fence : LOST_FENCE;
  state.replace(fence);
  // Another process took the session over in the meantime.
  for (const connection of connections)
    if (connection.fence < state.fence) connection.end(REPLACED.code, REPLACED.reason);
  if (isTaken) for (const other of result.others) state.context.replaceSession(other.id, other.fence);
}

/** Ends the connections whose takeover failed. Returns the error with its type. */
function endFailed<Data extends object>(
  connections: readonly SessionConnection<Data>[],
  error: unknown,
): Error {
  for (const connection of connections) {
    connection.fence = LOST_FENCE;
    connection.end(CloseCode.StoreUnavailable, "store unavailable");
  }
  return asStoreError(error);
}
