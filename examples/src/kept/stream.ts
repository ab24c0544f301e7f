// A stream of chunks, such as the answer of a language model, continues for a client that lost its connection in the middle.
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken, TransactionRefused } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";

const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({}) });

async function* answer(): AsyncGenerator<string> {
  yield* ["The", " sea", " is"];
  // The client loses its connection in the middle of the answer.
  for (const conn of sessions.connections) conn.terminate();
  yield* [" deep", " and", " blue", "."];
}

// #region stream
/** Sends the chunks to the session, with or without a connection. */
async function stream(id: string): Promise<void> {
  for await (const chunk of answer()) {
    const sent = await sessions.send(id, chunk);
    if (sent === undefined) return; // the session has ended: stop the model
  }
}
// #endregion

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region stream-transaction
    transaction(tx, question) {
      if (question !== "ask") throw new TransactionRefused("no-question");
      const { id } = tx.connection.session;
      tx.after(() => stream(id));
    },
    // #endregion
  });
  const client = connect(url, { WebSocket, token: tokenInMemory(), backoff: { minMs: 1, maxMs: 1 } });
  const whole = new Promise<string>((resolve) => {
    let text = "";
    client.on("message", ({ data }) => {
      text += data.toString();
      if (text.endsWith(".")) resolve(text);
    });
  });
  await client.send("ask"); // resolves once the answer has begun
  const lines = [await whole];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
