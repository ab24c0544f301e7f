// The parts of the README's first program that its shorter programs use.
import { createSessions, mapStore } from "@wsession/core";
import type { HandlersOf } from "@wsession/core";

export const sessions = createSessions({ store: mapStore(), initial: () => ({ visits: 0 }) });

export const handlers: HandlersOf<typeof sessions> = {
  message: (conn, text) => void conn.send(text),
};
