import type { OutboxBounds } from "../store/outbox-contract.ts";
import type { SessionsOptions } from "./typed-options.ts";

type Optional = "admit" | "initial" | "transport" | "origins" | "token" | "schema" | "migrate" | "onError";

/**
 * The options with their defaults. The types of the transport's data and of the context are `unknown` inside of core, which passes
 * both on and never reads them.
 */
export type Settings<Data extends object> = {
  readonly [
    Key in Exclude<keyof SessionsOptions<Data>, Optional | "early" | "inbox" | "outbox">
  ]-?: NonNullable<SessionsOptions<Data>[Key]>;
} & Pick<SessionsOptions<Data>, Optional> & {
    readonly early: Limits & { readonly timeoutMs: number };
    readonly inbox: Limits;
    readonly outbox: OutboxBounds;
    /** Whether presence is recorded from the start. */
    readonly recordsPresence: boolean;
  };

export interface Limits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}
