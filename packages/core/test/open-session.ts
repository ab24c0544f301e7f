// A session on a store in memory, with one connection, and the errors that its calls reject with.
import { createSessions, queryToken } from "@wsession/core";
import { expect } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

export type Data = { readonly n: number; readonly [field: string]: unknown };

export const coded = (code: string, outcome?: string) =>
  expect.objectContaining(outcome === undefined ? { code } : { code, outcome });

export async function openSession(
  store = sharedStore(),
  options: { readonly onError?: (error: unknown) => void } = {},
) {
  const changes: unknown[] = [];
  const sessions = createSessions<Data>({
    store,
    token: queryToken(),
    initial: () => ({ n: 0 }),
    ...options,
  });
  const server = serveInMemory(sessions, { change: (_, data) => void changes.push(data) });
  const opened = await server.connect();
  return { store, sessions, server, changes, opened, session: opened.connection.session };
}
