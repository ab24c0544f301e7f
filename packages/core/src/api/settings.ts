import type { OutboxBounds } from "../store/outbox-contract.ts";
import type { SubjectLimit } from "../store/subject-contract.ts";
import type { SessionsOptions } from "./typed-options.ts";

type Optional = "admit" | "initial" | "transport" | "origins" | "token" | "schema" | "migrate" | "onError";

/** Options that are resolved to another type, or to another name. */
type Resolved = "heartbeatTimeoutMs" | "early" | "inbox" | "outbox" | "exclusive" | "maxSessionsPerSubject";

/**
 * The options with their defaults. The types of the transport's data and of the context are `unknown` inside of core, which passes
 * both on and never reads them.
 */
export type Settings<Data extends object> = {
  readonly [Key in Exclude<keyof SessionsOptions<Data>, Optional | Resolved>]-?: NonNullable<
    SessionsOptions<Data>[Key]
  >;
} & Pick<SessionsOptions<Data>, Optional> & {
    /** After how many silent heartbeats in a row a connection is ended. */
    readonly silentHeartbeats: number;
    readonly early: Limits & { readonly timeoutMs: number };
    readonly inbox: Limits;
    readonly outbox: OutboxBounds;
    /** Whether presence is recorded from the start. */
    readonly recordsPresence: boolean;
    /** Whether a session has one connection at a time. */
    readonly exclusive: boolean;
    /** Whether a subject has one connection at a time. Implies `exclusive`. */
    readonly exclusiveSubject: boolean;
    readonly subjectLimit: SubjectLimit | undefined;
  };

export interface Limits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}
