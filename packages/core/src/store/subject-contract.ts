/** The part of the store contract about the limits of a subject: one connection at a time, and a number of sessions. */
import type { Awaitable } from "@wsession/protocol";

/** How many sessions a subject may have, as part of the request that gives a session its subject. */
export interface SubjectLimit {
  /** The highest number of sessions, the new one included. */
  readonly max: number;
  /** Over the limit: `"oldest"` ends the sessions whose logins were first, `"refuse"` refuses the new login. */
  readonly over: "oldest" | "refuse";
}

/** A takeover of a subject for one of its sessions. */
export interface TakeOverSubjectRequest {
  /** The session that takes over. */
  readonly id: string;
  /** The subject of the session at the time of the request. */
  readonly subject: string;
  /** Whether the fence of the session itself rises too, for a connection that takes the session over. */
  readonly raise: boolean;
}

/** The answer to `takeOverSubject`. */
export type TakeOverSubjectResult =
  /** The session's fence, and the raised fences of the subject's other sessions. */
  | { readonly type: "taken"; readonly fence: number; readonly others: readonly RaisedFence[] }
  /**
   * A newer takeover of the subject won before this call was answered. `fence` is the session's fence, which the newer takeover
   * raised.
   */
  | { readonly type: "replaced"; readonly fence: number }
  | { readonly type: "missing" };

/** The fence of a session after a takeover of its subject. */
export interface RaisedFence {
  /** The session. */
  readonly id: string;
  /** The session's new fence. Connections with a lower fence end. */
  readonly fence: number;
}

/** The method of a store that can limit subjects. A store with the method MUST obey `limit` of `create` and `rotate` too. */
export interface SubjectMethods {
  /**
   * Takes a subject over for a session of the subject (`exclusive: "subject"`): raises the fences of the subject's other
   * sessions, and notifies their holders with `replaced`. All takeovers of a subject MUST have one total order, over all
   * processes. Of two simultaneous takeovers the later MUST win: the earlier one answers `replaced`, or the later one raises its
   * fence. Otherwise two connections of a subject stay, or none.
   */
  readonly takeOverSubject?:
    | ((request: TakeOverSubjectRequest) => Awaitable<TakeOverSubjectResult>)
    | undefined;
}
