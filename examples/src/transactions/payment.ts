// A payment in a transaction: the handler may run more than once, and the payment service takes `tx.id` as its idempotency key.
import { once } from "node:events";
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken, TransactionRefused } from "@wsession/core";
import { WebSocket } from "ws";
import { listen, portOf } from "../client.ts";
import { nextEvent, nextMessages } from "../kept/events.ts";

const sessions = createSessions({
  store: mapStore(),
  token: protocolToken(),
  initial: () => ({ credit: 100, paid: 0 }),
});

/** A payment service. It charges once for each key, and repeats its first answer for a repeated request. */
function paymentService(onRequest: (count: number) => Promise<void>) {
  const charges = new Map<string, number>();
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const key = String(request.headers["idempotency-key"]);
    const amount = Number(new URL(request.url ?? "", "http://localhost").searchParams.get("amount"));
    if (!charges.has(key)) charges.set(key, amount);
    void onRequest(requests).then(() => response.end());
  });
  server.listen(0, "127.0.0.1");
  return { server, charges, requests: () => requests };
}

export async function main(): Promise<string[]> {
  let sessionId = "";
  const payments = paymentService(async (count) => {
    // Another writer changes the session during the first payment: the handler runs again, with the same id.
    if (count === 1) await (await sessions.get(sessionId))?.patch({ credit: 90 });
  });
  await once(payments.server, "listening");
  const service = `http://127.0.0.1:${portOf(payments.server)}`;
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region payment
    async transaction(tx, message) {
      const amount = Number(String(message));
      const { credit, paid } = tx.data;
      if (amount > credit) throw new TransactionRefused("too-much", { detail: { credit } });
      const headers = { "idempotency-key": tx.id };
      await fetch(`${service}/?amount=${amount}`, { method: "POST", headers });
      tx.patch({ credit: credit - amount, paid: paid + amount });
      tx.send(`paid ${amount}`);
    },
    // #endregion
  });
  const client = connect(url, { WebSocket, token: tokenInMemory() });
  const texts = nextMessages(client, 1);
  sessionId = (await nextEvent(client, "session")).id;
  await client.send("40");
  const refusal = await client.send("400").catch((error: unknown) => error);
  const lines = [
    ...(await texts),
    `${payments.requests()} requests, ${payments.charges.size} charge`,
    `refused: ${refusal instanceof TransactionRefused ? JSON.stringify(refusal.detail) : String(refusal)}`,
    JSON.stringify((await sessions.get(sessionId))?.data),
  ];
  await client.close();
  await sessions.close();
  server.close();
  payments.server.close();
  return lines;
}
