import { CloseCode } from "../base/close-codes.ts";
import { asStoreError } from "../base/errors.ts";
import { GONE, REPLACED } from "../base/endings.ts";
import type { Awaitable } from "@wsession/protocol";
import type { TakeOverResult } from "../store/contract.ts";
import { LOST_FENCE, PENDING_FENCE } from "./session-connection.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import { writesOf } from "./write-queue.ts";

/**
 * Takes a session over for an existing connection (`exclusive`). A takeover before the 101 would be too early, because a handshake
 * that never becomes a connection would then end the session's current connection. The other connections of this process end at
 * once. The writes of the new connection wait for the answer, because otherwise they would carry an older fence (I13). A
 * connection whose takeover fails is closed with 4503.
 */
export function takeOver<Data extends object>(
  state: LocalSession<Data>,
  connection: SessionConnection<Data>,
  ask: (id: string) => Awaitable<TakeOverResult>,
): void {
  state.replaceOthers(connection);
  const taken = (result: TakeOverResult): void => {
    if (result.type === "missing") {
      connection.fence = LOST_FENCE;
      state.endSession(GONE);
      return;
    }
    const { fence } = result;
    if (connection.fence === PENDING_FENCE) connection.fence = fence;
    state.replace(fence);
    // Another process took the session over in the meantime.
    if (connection.fence < state.fence) connection.end(REPLACED.code, REPLACED.reason);
  };
  const failed = (error: unknown): void => {
    connection.fence = LOST_FENCE;
    state.context.report(asStoreError(error), { stage: "store", sessionId: state.id });
    connection.end(CloseCode.StoreUnavailable, "store unavailable");
  };
  // Takeovers run one after another, because two takeovers in flight could reach the store in the wrong order.
  void writesOf(state).alone((): Awaitable<void> => {
    // A newer connection of this process replaced this one while earlier writes were awaited.
    if (connection.fence !== PENDING_FENCE) return undefined;
    try {
      const answer = ask(state.id);
      return "type" in answer ? taken(answer) : answer.then(taken, failed);
    } catch (error) {
      return failed(error);
    }
  });
}
