import { describe, expect, test } from "vitest";
import type { Rules } from "../violations.ts";
import { checkTransactions } from "./checker.ts";
import type { Entry, PageEvent, StoredTransactions } from "./history.ts";

/** A history written by hand: two pages of one session, and the content of the store at the end. */
class Script {
  readonly #pages = new Map<string, PageEvent[]>();
  readonly #entries: Entry[] = [];
  readonly #counts: Record<string, number> = {};
  #replies: { page: string; n: number }[] = [];
  #isGone = false;

  page(page: string, ...events: readonly PageEvent[]): this {
    this.#pages.set(page, [...(this.#pages.get(page) ?? []), ...events]);
    return this;
  }

  /** Message `n` was sent and settled. */
  sends(page: string, n: number, end: "resolved" | "refused" | "unknown" | "none" = "resolved"): this {
    this.page(page, { type: "sent", n, kind: "add" });
    if (end === "none") return this;
    if (end === "resolved") return this.page(page, { type: "resolved", n });
    const outcome = end === "refused" ? "not-applied" : "unknown";
    return this.page(page, { type: "rejected", n, code: "", outcome });
  }

  /** The store has the message. */
  change(page: string, n: number, id = `s:${page}:${n}`): this {
    this.#entries.push({ page, n, id });
    this.#counts[page] = (this.#counts[page] ?? 0) + 1;
    return this;
  }

  answer(page: string, n: number): this {
    this.#replies.push({ page, n });
    return this;
  }

  applied(page: string, ...numbers: readonly number[]): this {
    for (const n of numbers) this.change(page, n).answer(page, n);
    return this;
  }

  gets(page: string, offset: number, of: string, n: number): this {
    return this.page(page, { type: "reply", offset, page: of, n });
  }

  counts(page: string, count: number): this {
    this.#counts[page] = count;
    return this;
  }

  gone(): this {
    this.#isGone = true;
    this.#replies = [];
    return this;
  }

  rules(rules?: Rules): string[] {
    const data = this.#isGone ? undefined : { entries: this.#entries, counts: this.#counts };
    const stored: StoredTransactions = { session: "s", data, outbox: { first: 1, replies: this.#replies } };
    const pages = [...this.#pages].map(([page, events]) => ({ page, session: "s", events, isOpen: true }));
    return [...new Set(checkTransactions(pages, [stored], rules).map(({ rule }) => rule))];
  }
}

const mayLose: Rules = { mayLose: true };
const missed = (from: number, to: number, certain: boolean): PageEvent => ({
  type: "missed",
  from,
  to,
  certain,
});

/** Two messages of page a, both applied and answered. */
const clean = (): Script => new Script().sends("a", 1).sends("a", 2).applied("a", 1, 2);

describe("the checker of transactions accepts", () => {
  test("a correct history: two pages, a refused message, and unknown messages that were applied or not (I21, I22, I23)", () => {
    const script = clean()
      .gets("a", 1, "a", 1)
      .gets("a", 2, "a", 2)
      .sends("b", 1, "refused")
      .sends("b", 2, "unknown")
      .sends("b", 3, "unknown")
      .applied("b", 3)
      .gets("a", 3, "b", 3)
      .gets("b", 3, "b", 3)
      .page("b", { type: "sent", n: 4, kind: "idle" }, { type: "resolved", n: 4 });
    expect(script.rules()).toEqual([]);
  });

  test("the store loses a transaction, reports the loss to the page, and repeats its answers (I19, I21)", () => {
    const script = new Script()
      .sends("a", 1)
      .gets("a", 1, "a", 1)
      .sends("a", 2)
      .gets("a", 2, "a", 2)
      .page("a", { type: "rolledBack", from: 2, to: 2 }, missed(1, 0, false))
      .gets("a", 1, "a", 1)
      .applied("a", 1);
    expect(script.rules(mayLose)).toEqual(["lost"]);
    expect(script.rules()).toEqual(["lost", "missed"]);
  });

  test("a session that the store lost, whose page was closed", () => {
    const script = clean().page("a", { type: "closed", why: "login" }).gone();
    expect(script.rules(mayLose)).toEqual(["lost"]);
  });
});

describe("the checker of transactions rejects", () => {
  test("a lost message: send resolved, and the message is neither in the data nor answered (I21)", () => {
    const script = new Script().sends("a", 1).sends("a", 2).applied("a", 2).gets("a", 1, "a", 2);
    expect(script.rules()).toEqual(["lost", "hole"]);
    expect(script.rules(mayLose)).toEqual(["lost", "unreported"]);
  });

  test("a message that counts twice, answered twice or once (I21)", () => {
    const twice = clean().applied("a", 2).gets("a", 1, "a", 1).gets("a", 2, "a", 2).gets("a", 3, "a", 2);
    expect(twice.rules()).toEqual(["duplicate"]);
    expect(twice.rules(mayLose)).toEqual(["duplicate"]);
    expect(clean().change("a", 2, "s:other:2").rules(mayLose)).toContain("duplicate");
  });

  test("one tx.id under two messages (I21)", () => {
    expect(clean().sends("a", 3, "unknown").change("a", 3, "s:a:2").answer("a", 3).rules(mayLose)).toContain(
      "duplicate",
    );
  });

  test("a refused message that counts, and a message that no page sent (I21)", () => {
    expect(clean().sends("a", 3, "refused").applied("a", 3).rules(mayLose)).toContain("phantom");
    expect(clean().applied("a", 3).rules(mayLose)).toContain("phantom");
  });

  test("a gap in the answers without a report, in the middle and at the end (I16, I22)", () => {
    const middle = clean().sends("a", 3).applied("a", 3).gets("a", 1, "a", 1).gets("a", 3, "a", 3);
    expect(middle.rules()).toEqual(["hole"]);
    expect(middle.rules(mayLose)).toEqual(["hole"]);
    expect(clean().gets("a", 1, "a", 1).rules(mayLose)).toEqual(["hole"]);
    expect(clean().rules()).toEqual(["hole"]);
  });

  test("the server reports a part of a gap to the page, and not the whole gap (I16)", () => {
    const script = clean()
      .sends("a", 3)
      .applied("a", 3)
      .gets("a", 1, "a", 1)
      .page("a", missed(3, 3, true));
    expect(script.rules(mayLose)).toEqual(["hole"]);
  });

  test("an answer that comes twice, or after a later one (I15)", () => {
    const twice = clean().gets("a", 1, "a", 1).gets("a", 1, "a", 1).gets("a", 2, "a", 2);
    expect(twice.rules()).toEqual(["duplicate"]);
    expect(clean().gets("a", 2, "a", 2).gets("a", 1, "a", 1).rules(mayLose)).toContain("duplicate");
  });

  test("an answer without its change (I22)", () => {
    const script = new Script().sends("a", 1, "unknown").answer("a", 1).gets("a", 1, "a", 1);
    expect(script.rules()).toEqual(["torn"]);
    expect(script.rules(mayLose)).toEqual(["torn"]);
  });

  test("a change without its answer, or with half of it (I22, I23)", () => {
    const script = clean().sends("a", 3).change("a", 3).gets("a", 1, "a", 1).gets("a", 2, "a", 2);
    expect(script.rules()).toEqual(["torn", "hole"]);
    expect(script.rules(mayLose)).toEqual(["torn"]);
    const half = clean().gets("a", 1, "a", 1).gets("a", 2, "a", 2).counts("a", 1);
    expect(half.rules(mayLose)).toEqual(["torn"]);
  });

  test("answers in another order than the changes (I22)", () => {
    const script = clean().sends("b", 1).change("a", 3).change("b", 1).answer("b", 1).answer("a", 3);
    expect(script.sends("a", 3).rules(mayLose)).toEqual(["torn"]);
  });

  test("a page that keeps an answer which the store lost, and gets no report (I19)", () => {
    const script = clean().gets("a", 1, "a", 1).gets("a", 2, "b", 9);
    expect(script.rules(mayLose)).toEqual(["hole"]);
    expect(new Script().gets("a", 1, "a", 1).rules(mayLose)).toEqual(["hole"]);
  });

  test("the server reports a loss to the page before the page sent the message, and not after that (I21)", () => {
    const script = new Script().page("a", { type: "rolledBack", from: 1, to: 1 }).sends("a", 1);
    expect(script.rules(mayLose)).toEqual(["lost", "unreported"]);
  });

  test("a message that never settles (I21)", () => {
    expect(new Script().sends("a", 1, "none").rules(mayLose)).toEqual(["unsettled"]);
  });

  test("a page that was closed or got a report of a loss although nothing may be lost (I16)", () => {
    expect(new Script().page("a", { type: "closed", why: "login" }).rules()).toEqual(["missed"]);
    expect(new Script().page("a", { type: "rolledBack", from: 1, to: 1 }).rules()).toEqual(["missed"]);
    expect(new Script().page("a", missed(1, 2, true)).rules()).toEqual(["missed"]);
  });
});
