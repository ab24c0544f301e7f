import { Journal } from "@wsession/conformance";
import type { Connection, Sessions } from "@wsession/core";
import { expect } from "vitest";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";

export type Data = { readonly n: number };
export type Conn = Connection<Data, unknown, never>;

/** Each runtime with each store that keeps sessions beyond their connections. */
export const lastingCombinations = runtimeNames.flatMap((runtime) =>
  (["map", "redis"] as const).map((store) => ({ runtime, store })),
);

/** A server, and a function that connects a client and resolves with both ends of the connection. */
export async function serveVisits(runtime: RuntimeName, sessions: Sessions<Data, unknown, never>) {
  const opened = new Journal<Conn>();
  const server = await serve(runtime, sessions, { open: (connection) => opened.note(connection) });
  const visit = async (path = "/") => {
    const before = opened.entries.length;
    const client = await connect(server, path);
    await opened.until(before + 1);
    return { client, connection: opened.entries[before] ?? expect.unreachable() };
  };
  return { server, visit };
}
