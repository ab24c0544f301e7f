// @ts-check
// The server's handler for the messages of pages: `<kind> <page> <n>`.
import { TransactionRefused } from "@wsession/core";

/**
 * Reads the data, adds an entry and counts it, and answers, in one transaction. Other kinds of messages change nothing.
 *
 * @param {import("@wsession/core").Transaction<any>} tx
 * @param {string | Uint8Array} message
 */
export async function transaction(tx, message) {
  const [kind, page = "", n] = String(message).split(" ");
  if (kind === "refuse") throw new TransactionRefused("ASKED_FOR");
  if (kind === "fail") throw new Error("asked to fail");
  if (kind === "idle") return;
  const { entries = [], counts = {} } = tx.data;
  // Wait, so that messages and faults come between the read and the commit.
  if (Number(n) % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  tx.patch({
    entries: [...entries, `${page} ${n} ${tx.id}`],
    counts: { ...counts, [page]: (counts[page] ?? 0) + 1 },
  });
  tx.send(`${page} ${n}`);
}
