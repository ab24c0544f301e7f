import type { WriteResult } from "../store/contract.ts";
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
    // The write was applied, but this process can't read the data that other processes wrote before it. Report in a microtask,
    // because the application's own call may be on the stack.
    queueMicrotask(() => state.context.report(error, { stage: "store", sessionId: state.id }));
  }
}
