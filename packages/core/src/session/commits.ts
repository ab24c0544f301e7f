import type { Awaitable } from "@wsession/protocol";
import { fencedError, goneError } from "../base/errors.ts";
import { GONE } from "../base/endings.ts";
import type { CommitRequest, CommitResult } from "../store/commit-contract.ts";
import { adoptWritten } from "./adopt-written.ts";
import { runOf } from "./appending.ts";
import type { LocalSession } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";
import type { StagedTransaction } from "./transaction.ts";

/** An answer after which the session and its connections still exist. */
export type CommitAnswer = Exclude<CommitResult, { type: "missing" | "fenced" }>;

/**
 * Sends a commit to the store. Call it only while no other write of this process to the session is in progress. If the session is
 * gone, or the fence is too low, ends the connections concerned, and throws or rejects with SESSION_GONE or FENCED.
 */
export function sendCommit<Data extends object>(
  state: LocalSession<Data>,
  request: CommitRequest,
): Awaitable<CommitAnswer> {
  if (state.isGone) throw goneError();
  const { store, diagnostics } = state.context;
  diagnostics.writes += 1;
  // `bindSessions` has checked already that the store has `commit`.
  const result = store.commit?.(request) ?? MISSING;
  return "type" in result
    ? checkAnswer(state, request, result)
    : result.then((answer) => checkAnswer(state, request, answer));
}

const MISSING: CommitResult = { type: "missing" };

function checkAnswer<Data extends object>(
  state: LocalSession<Data>,
  { fence }: CommitRequest,
  result: CommitResult,
): CommitAnswer {
  if (result.type === "missing") {
    state.endSession(GONE);
    throw goneError();
  }
  if (result.type === "fenced") {
    // The answer does not contain the store's fence, which is higher than the sent one.
    state.replace((fence ?? 0) + 1);
    throw fencedError();
  }
  return result;
}

/** Applies an acknowledged transaction: updates the session here, and delivers the kept messages to its connections. */
export function applyCommitted<Data extends object>(
  state: LocalSession<Data>,
  staged: StagedTransaction<Data>,
  { written, appended }: Extract<CommitResult, { type: "committed" }>,
  writer: SessionConnection<Data>,
): void {
  if (written !== undefined) adoptWritten(state, written, staged, writer);
  if (appended !== undefined) state.context.outboxes.of(state).add(runOf(staged.messages, appended));
}
