import { aCreation } from "./fake-host.ts";
import type { Process } from "./processes.ts";

/** The key of a session's outbox. */
export function listOf(id: string): string {
  return `ws:o:{${id}}`;
}

/** The key of a session. */
export function hashOf(id: string): string {
  return `ws:s:{${id}}`;
}

/** Creates a session, and returns its id. */
export async function newSession(
  process: Process,
  request: Parameters<typeof aCreation>[0] = {},
): Promise<string> {
  const creation = aCreation(request);
  await process.store.create(creation);
  return creation.id;
}
