/** The request and the result of one write of a session. */
import type { StoredSession } from "./stored-session.ts";

/** Top-level fields of a session's data. */
export type Fields = Readonly<Record<string, unknown>>;

/** The change of a write. */
export type Change =
  /** These fields only. A name is in `set` or in `unset`, never in both. */
  | { readonly type: "fields"; readonly set: Fields; readonly unset: readonly string[] }
  /** All data. `base`, if given, is the data at the version `expect`, so that a store can send only the difference. */
  | { readonly type: "replace"; readonly data: object; readonly base: object | undefined };

/** One write of a session. */
export interface WriteRequest {
  /** The session. */
  readonly id: string;
  /** The change of the data. */
  readonly change: Change;
  /** Apply only at this version; `undefined` to apply at any. */
  readonly expect: number | undefined;
  /** The caller's version. The answer contains the whole session, unless the new version is `known + 1`. */
  readonly known: number;
  /**
   * The lineage of `known`. If the stored lineage differs, the answer contains the whole session too, and a write with `expect` is
   * a conflict. `undefined`: only the version is compared.
   */
  readonly lineage?: number | undefined;
  /** Refuse if the session's fence is higher; `undefined` for an administrative write. */
  readonly fence: number | undefined;
  /** The application's `schemaVersion`, which is stored with the data. */
  readonly schemaVersion: number;
}

/** The answer to `write`. */
export type WriteResult =
  | {
      readonly type: "written";
      readonly version: number;
      /** Of the version that was written; read only where `session` is `undefined`. */
      readonly lineage?: number | undefined;
      readonly session: StoredSession | undefined;
    }
  /** The version differs from `expect`. Nothing was changed. Contains the current session. */
  | { readonly type: "conflict"; readonly session: StoredSession }
  | { readonly type: "missing" }
  | { readonly type: "fenced" };
