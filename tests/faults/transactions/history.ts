/** The events of pages that send messages in transactions, and the content of the store at the end. */

/** The kinds of messages: `add` changes the data and is answered. The others change nothing. */
export type Kind = "add" | "refuse" | "fail" | "idle";

/** One event of a page. The events are in the order in which the page got them. */
export type PageEvent =
  /** The page's `n`th message, which is also the client's `n`th message. */
  | { readonly type: "sent"; readonly n: number; readonly kind: Kind }
  | { readonly type: "resolved"; readonly n: number }
  | {
      readonly type: "rejected";
      readonly n: number;
      readonly code: string;
      readonly outcome: "not-applied" | "unknown";
    }
  /** A kept message: the answer to the `n`th message of `page`, a page of the same session. */
  | { readonly type: "reply"; readonly offset: number; readonly page: string; readonly n: number }
  | { readonly type: "missed"; readonly from: number; readonly to: number; readonly certain: boolean }
  | { readonly type: "rolledBack"; readonly from: number; readonly to: number }
  /** The client is closed for good. */
  | { readonly type: "closed"; readonly why: string };

export interface PageHistory {
  readonly page: string;
  readonly session: string;
  readonly events: readonly PageEvent[];
  /** Whether the page stayed to the end, and had the time to receive everything. */
  readonly isOpen: boolean;
}

/** A change that a transaction made. */
export interface Entry {
  readonly page: string;
  readonly n: number;
  /** `tx.id` */
  readonly id: string;
}

/** The content of the store for a session, once nothing is in progress. */
export interface StoredTransactions {
  readonly session: string;
  /** `undefined`: there is no session. */
  readonly data:
    | { readonly entries: readonly Entry[]; readonly counts: Readonly<Record<string, number>> }
    | undefined;
  /** The kept messages, the first of them at offset `first`. */
  readonly outbox: {
    readonly first: number;
    readonly replies: readonly { readonly page: string; readonly n: number }[];
  };
}

export function textOf({ page, n, id }: Entry): string {
  return `${page} ${n} ${id}`;
}

export function entryOf(text: unknown): Entry {
  const [page = "", n = "", id = ""] = String(text).split(" ");
  return { page, n: Number(n), id };
}
