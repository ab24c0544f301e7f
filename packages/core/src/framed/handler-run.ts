/** One run of the handler `transaction`, with its time limit. */
import type { Transaction } from "../api/transaction.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { isAboutTheEnd, isSessionError, SessionError } from "../base/errors.ts";
import { promiseOf } from "../base/promises.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { SessionConnection } from "../session/session-connection.ts";
import type { StagedTransaction, TransactionOwner } from "../session/transaction.ts";
import { FAILED, refusalByStore, refusalIn } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** The part of a connection that runs the handler. */
export interface HandlerConnection<Data extends object, Socket = unknown> extends TransactionOwner<
  Data,
  Socket
> {
  readonly sessionConnection: SessionConnection<Data>;
  readonly deadlines: Deadlines;
  /** Milliseconds that a handler may take. */
  readonly handlerTimeoutMs: number;
  /** Calls the handler. Until `leaveTransaction` the writes of the connection's handle are refused. */
  callTransaction(
    transaction: Transaction<Data, unknown, unknown, Socket>,
    message: string | Uint8Array,
  ): unknown;
  /** Reports a failure after which the connection stays. */
  transactionFailed(error: unknown): void;
}

/**
 * Runs the handler once. Returns the refusal of the message, `undefined` if the handler has settled without one, and a promise only if
 * the handler returned one. Throws, or rejects, if the client has to send the message again.
 */
export function runHandler<Data extends object, Socket>(
  connection: HandlerConnection<Data, Socket>,
  state: LocalSession<Data>,
  staged: StagedTransaction<Data, Socket>,
  message: string | Uint8Array,
): Refusal | undefined | Promise<Refusal | undefined> {
  let running: Promise<unknown> | undefined;
  const end = (): undefined => {
    staged.end();
    connection.leaveTransaction();
  };
  const failed = (error: unknown): Refusal => {
    end();
    return refusalOf(error, connection, state, staged);
  };
  try {
    running = promiseOf(connection.callTransaction(staged, message));
  } catch (error) {
    return failed(error);
  }
  if (running === undefined) return end();
  const { deadlines, handlerTimeoutMs } = connection;
  const late = () =>
    new SessionError(
      "TRANSACTION_OVER",
      `the handler transaction did not settle within ${handlerTimeoutMs} ms`,
    );
  return deadlines.within(handlerTimeoutMs, running, late).then(end, failed);
}

/** Returns the refusal of a message whose handler threw `error`. Throws if the client has to send the message again. */
function refusalOf<Data extends object, Socket>(
  error: unknown,
  connection: HandlerConnection<Data, Socket>,
  state: LocalSession<Data>,
  staged: StagedTransaction<Data, Socket>,
): Refusal {
  const refusal = refusalIn(error);
  if (refusal !== undefined) {
    if (refusal.code === "INVALID_MESSAGE") connection.transactionFailed(error);
    return refusal;
  }
  const isEnding = state.isGone || connection.sessionConnection.isEnding;
  if (isSessionError(error, "STORE_UNAVAILABLE") || (isEnding && isAboutTheEnd(error))) throw error;
  if (staged.isRefusal(error)) {
    const why = refusalByStore(error);
    if (why !== undefined) return why;
  }
  connection.transactionFailed(error);
  return FAILED;
}
