// The code of docs/transactions.md for a table in PostgreSQL. The types are those of a usual client, as far as the example needs them.
import type { Handlers } from "@wsession/core";

interface Sql {
  (text: TemplateStringsArray, ...values: unknown[]): Promise<readonly unknown[]>;
  (row: object): unknown;
}

interface Database {
  begin(work: (sql: Sql) => Promise<void>): Promise<void>;
}

interface Data {
  readonly orders: number;
}

export function handlersWith(
  database: Database,
  parse: (message: string | Uint8Array) => object,
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
