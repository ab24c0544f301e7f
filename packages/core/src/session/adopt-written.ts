import type { RotateResult, WriteResult } from "../store/contract.ts";
import type { LocalSession, VersionStamp } from "./local-session.ts";
import type { SessionConnection } from "./session-connection.ts";

/**
 * Applies a change of this process to the session's state here, once the store has acknowledged the change. `next`: the data at
 * `versionAtRequest` with the change. The connection `writer` gets no `change` event.
 */
export function adoptWritten<Data extends object>(
  state: LocalSession<Data>,
  result: Extract<WriteResult, { type: "written" }>,
  { versionAtRequest, next }: { readonly versionAtRequest: VersionStamp; readonly next: Readonly<Data> },
  writer: SessionConnection<Data> | undefined,
): void {
  try {
    if (result.session !== undefined) state.adopt(result.session, versionAtRequest);
    else state.applyOwnWrite(versionAtRequest, result, next, writer);
  } catch (error) {
    reportUnreadable(state, error);
  }
}

/**
 * As `adoptWritten`, for a token that this process replaced. With a `subject` the session has that subject now, also if its data can't
 * be read: a rejected login would leave a session of the subject whose token no client has.
 */
export function adoptRotated<Data extends object>(
  state: LocalSession<Data>,
  result: Extract<RotateResult, { type: "rotated" }>,
  versionAtRequest: VersionStamp,
  subject: string | undefined,
): void {
  if (result.passedOnAt !== undefined) state.context.outboxes.passedOn(state, result.passedOnAt);
  try {
    if (result.session !== undefined) state.adopt(result.session, versionAtRequest);
    else if (subject !== undefined) state.applyOwnSubject(versionAtRequest, result, subject);
  } catch (error) {
    if (subject !== undefined) state.subject = subject;
    reportUnreadable(state, error);
  }
}

/**
 * The change was applied, but this process can't read the data that other processes wrote before it. Reports in a microtask, because
 * the application's own call may be on the stack.
 */
function reportUnreadable<Data extends object>(state: LocalSession<Data>, error: unknown): void {
  queueMicrotask(() => state.context.report(error, { stage: "store", sessionId: state.id }));
}
