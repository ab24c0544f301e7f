/** What a store does for one write of a session. */
import type { StoredSession } from "./stored-session.ts";

/** Top-level fields of a session's data. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a write changes. */
export type Change =
  /** These fields only. A name is in `set` or in `unset`, never in both. */
  | { readonly type: "fields"; readonly set: Fields; readonly unset: readonly string[] }
  /** All of it. `base`, where given, is the data at the version `expect`: a store may send the difference alone. */
  | { readonly type: "replace"; readonly data: object; readonly base: object | undefined };

export interface WriteRequest {
  readonly id: string;
  readonly change: Change;
  /** Apply only at this version; `undefined` to apply at any. */
  readonly expect: number | undefined;
  /** The version the caller holds: the answer carries the whole session unless the write made it `known + 1`. */
  readonly known: number;
  /**
   * The lineage of `known`: where the write was not made of that very version, the answer carries the whole session too.
   * `expect` is not met by a version of another lineage. `undefined`: the version alone is compared.
   */
  readonly lineage?: number | undefined;
  /** Refuse if the session's fence is higher; `undefined` for an administrative write. */
  readonly fence: number | undefined;
  readonly schemaVersion: number;
}

export type WriteResult =
  | {
      readonly type: "written";
      readonly version: number;
      /** Of the version that was written; read only where `session` is `undefined`. */
      readonly lineage?: number | undefined;
      readonly session: StoredSession | undefined;
    }
  /** `expect` was not the version. Nothing was changed, and this is the session now. */
  | { readonly type: "conflict"; readonly session: StoredSession }
  | { readonly type: "missing" }
  | { readonly type: "fenced" };
