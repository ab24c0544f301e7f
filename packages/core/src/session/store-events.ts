import { endingOf, EXPIRED } from "../base/endings.ts";
import { isAboutTheEnd } from "../base/errors.ts";
import { applyChange } from "../store/change.ts";
import type { StoreEvent } from "../store/contract.ts";
import { applyDeadlines } from "./announced-deadlines.ts";
import { checkData } from "./data.ts";
import type { LocalSession } from "./local-session.ts";

/** Applies an event of another process to a session. Returns how many connections the event ended. */
export function applyStoreEvent<Data extends object>(state: LocalSession<Data>, event: StoreEvent): number {
  switch (event.type) {
    case "written":
      applyAnnouncement(state, event);
      return 0;
    case "loaded":
      try {
        state.adopt(event.session, event.behind === true ? state.versionStamp : undefined);
      } catch (error) {
        report(state, error);
      }
      return 0;
    case "extended":
      applyDeadlines(state, event);
      return 0;
    case "destroyed":
      return state.endSession(endingOf(event));
    case "expired":
      return state.endSession(EXPIRED);
    case "replaced":
      return state.replace(event.fence);
    case "appended":
      state.context.outboxes.applyAnnouncement(state, event);
      return 0;
  }
}

/**
 * Applies an announced change if it directly follows the version here. For any other newer version the session is read again,
 * because an earlier announcement may have been lost (I8).
 */
function applyAnnouncement<Data extends object>(
  state: LocalSession<Data>,
  event: Extract<StoreEvent, { type: "written" }>,
): void {
  const { version, lineage = 0, after = 0, change } = event;
  if (version < state.version || (version === state.version && lineage === state.lineage)) return;
  const isNext = version === state.version + 1 && after === state.lineage;
  if (change === undefined || !isNext || state.isOtherVersion) return reread(state);
  let data: Data;
  try {
    data = checkData(state.context.settings.schema, applyChange(state.data, change));
  } catch {
    // The writer may use another schema version. Only the stored record has that version, so read the record.
    return reread(state);
  }
  state.moveTo(version, lineage, state.protect(data), undefined);
}

function reread<Data extends object>(state: LocalSession<Data>): void {
  const { calls, diagnostics } = state.context;
  diagnostics.rereads += 1;
  calls
    .ask(() => state.read())
    .catch((error: unknown) => {
      // The session has ended during the read, or these sessions are closed. Neither is a failure.
      if (!isAboutTheEnd(error)) report(state, error);
    });
}

function report<Data extends object>(state: LocalSession<Data>, error: unknown): void {
  state.context.report(error, { stage: "store", sessionId: state.id });
}
