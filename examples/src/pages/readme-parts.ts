// What the README's shorter programs take from its first one.
import { createSessions, mapStore } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";

export const sessions = createSessions({ store: mapStore(), initial: () => ({ visits: 0 }) });

export const handlers: HandlersOf<typeof sessions> = {
  message: (conn, text) => void conn.send(text),
};
