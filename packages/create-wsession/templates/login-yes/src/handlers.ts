/** What happens on a connection. */
import { TransactionRefused } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";
import type { AppSessions } from "./sessions.ts";

export const handlers: HandlersOf<AppSessions> = {
  open(connection) {
    connection.send(JSON.stringify(connection.session.data));
  },
  // Each `client.send` of a page counts exactly once, also over a lost connection.
  transaction(tx, message) {
    if (message !== "click") throw new TransactionRefused("unknown-message");
    tx.update((data) => ({ ...data, clicks: data.clicks + 1 }));
    // Each tab of the login gets the message. For a tab without a connection the last message of a key is kept.
    tx.send(JSON.stringify(tx.data), { key: "state" });
  },
};
