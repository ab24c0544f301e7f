/** What pages of a browser did in transactions, as each of them saw it, and what the store has of it at the end. */

/** What a page asks for: `add` changes and is answered; the others change nothing. */
export type Kind = "add" | "refuse" | "fail" | "idle";

/** One event of a page, in the order in which the page saw them. */
export type PageEvent =
  /** The page's `n`th message, which is the client's `n`th too. */
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
  /** Whether the page was there to the end, and had the time to hear of everything. */
  readonly isOpen: boolean;
}

/** A change that a transaction made. */
export interface Entry {
  readonly page: string;
  readonly n: number;
  /** `tx.id` */
  readonly id: string;
}

/** What the store has of a session, at rest. */
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
