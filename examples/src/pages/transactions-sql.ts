// The code of docs/transactions.md for a table in PostgreSQL. examples/test/orders.test.ts runs the code.
import type { Handlers } from "@wsession/core";
import type { Sql } from "postgres";

interface Data {
  readonly orders: number;
}

export function handlersWith(
  database: Sql,
  parse: (message: string | Uint8Array) => { readonly item: string },
): Handlers<Data> {
  return {
    // #region sql
    async transaction(tx, message) {
      const order = parse(message);
      await database.begin(async (sql) => {
        const first =
          await sql`INSERT INTO handled (id) VALUES (${tx.id}) ON CONFLICT DO NOTHING RETURNING id`;
        if (first.length > 0) await sql`INSERT INTO orders ${sql(order)}`;
      });
      tx.update((data) => ({ ...data, orders: data.orders + 1 }));
    },
    // #endregion
  };
}
