// oxlint-disable vitest/expect-expect -- @ts-expect-error asserts, and the compiler checks it
/** The types of transactions: what they infer, and what they refuse. */
import { createSessions, TransactionRefused } from "@wsession/core";
import type { HandlersOf, Session, TransactionOf } from "@wsession/core";
import { describe, expectTypeOf, test } from "vitest";

interface Account {
  readonly balance: number;
  readonly nickname?: string | undefined;
}

const sessions = createSessions<Account>({ initial: () => ({ balance: 0 }) });
const unset = createSessions<Account>({});
type Tx = TransactionOf<typeof sessions>;

describe("a transaction", () => {
  test("TransactionOf is the type of the handler's tx, and its session is set, also where connections begin without", () => {
    type Given = Parameters<NonNullable<HandlersOf<typeof sessions>["transaction"]>>[0];
    expectTypeOf<Tx>().toEqualTypeOf<Given>();
    expectTypeOf<Tx["data"]>().toEqualTypeOf<Readonly<Account>>();
    expectTypeOf<TransactionOf<typeof unset>["connection"]["session"]>().toEqualTypeOf<Session<Account>>();
    expectTypeOf<TransactionOf<object>>().toBeNever();
  });

  test("refuses calls that would fail", () => {
    const handlers: HandlersOf<typeof sessions> = {
      transaction(tx) {
        tx.patch({ balance: 1 });
        tx.patch({ nickname: undefined });
        // @ts-expect-error -- no such field
        tx.patch({ balanse: 1 });
        // @ts-expect-error -- a required field can't be removed
        tx.patch({ balance: undefined });
        // @ts-expect-error -- the change is synchronous
        tx.update(async (data) => data);
        // @ts-expect-error -- data is read only
        tx.data.balance = 5;
        // @ts-expect-error -- a message is text or bytes
        tx.send({ balance: 1 });
        // @ts-expect-error -- no such option
        tx.send("x", { ttl: 5 });
        // @ts-expect-error -- a function
        tx.after(Promise.resolve());
        expectTypeOf(tx.atLeastOnce(() => 5)).toBeNumber();
        // @ts-expect-error -- a code is text
        throw new TransactionRefused(404);
      },
    };
    expectTypeOf(handlers.transaction).not.toBeNever();
    // @ts-expect-error -- no such option
    expectTypeOf(new TransactionRefused("no", { details: 1 })).not.toBeNever();
    expectTypeOf(new TransactionRefused("no", { detail: 1 }).detail).toBeNumber();
  });
});
