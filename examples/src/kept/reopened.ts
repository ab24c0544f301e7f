// A page that is closed and opened again gets the messages that it missed, if its position is in a storage.
import { bindSessions } from "@wsession/adapter-ws";
import { connect, tokenInStorage } from "@wsession/client";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import { WebSocket } from "ws";
import { listen } from "../client.ts";
import { nextEvent, nextMessages } from "./events.ts";

const sessions = createSessions({ store: mapStore(), token: protocolToken(), initial: () => ({}) });

/** A storage like `localStorage`, for Node.js. */
function storageInMemory() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const localStorage = storageInMemory();
  // #region reopened
  /** Opens the application. The token and the position outlive the page. */
  const open = () => connect(url, { WebSocket, token: tokenInStorage(localStorage), storage: localStorage });
  // #endregion
  const first = open();
  const { id } = await nextEvent(first, "session");
  await first.close();
  await sessions.send(id, "one");

  const second = open();
  const lines = await nextMessages(second, 1);
  await second.close();
  await sessions.send(id, "two");

  // Without its position a page gets only the messages that are sent from now on.
  const third = connect(url, { WebSocket, token: tokenInStorage(localStorage) });
  const texts = nextMessages(third, 1);
  await nextEvent(third, "session");
  await sessions.send(id, "three");
  lines.push(...(await texts));
  await third.close();
  await sessions.close();
  server.close();
  return lines;
}
