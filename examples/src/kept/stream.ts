// A stream of chunks, such as the answer of a language model, continues for a client that lost its connection in the middle.
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInMemory } from "@wsession/client";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { nextEvent } from "./events.ts";

const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({}) });

async function* answer(): AsyncGenerator<string> {
  yield* ["The", " sea", " is", " deep", " and", " blue", "."];
}

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    // #region stream
    async message(conn, text) {
      if (text !== "ask") return;
      let number = 0;
      for await (const chunk of answer()) {
        // Ends the connection at the fourth chunk. The session keeps the chunks, so the stream continues.
        if ((number += 1) === 4) conn.terminate();
        await conn.session.send(chunk);
      }
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
  await nextEvent(client, "session");
  client.sendNow("ask");
  const lines = [await whole];
  await client.close();
  await sessions.close();
  server.close();
  return lines;
}
