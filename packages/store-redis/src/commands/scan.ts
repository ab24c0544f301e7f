import type { Calls } from "../connection/calls.ts";
import type { Server } from "../drivers/driver.ts";
import { asArray, texts } from "./reply.ts";

/** Keys that the server looks at in one step. The limit bounds the time for which a step blocks the server. */
const COUNT = "512";

/** One step of SCAN on one server: the next cursor, which is "0" after the last step, and the keys that match. */
export async function scanStep(
  calls: Pick<Calls, "commandAt">,
  server: Server,
  pattern: string,
  cursor: string,
): Promise<readonly [next: string, keys: string[]]> {
  const reply = await calls.commandAt(server, "scan", [cursor, "MATCH", pattern, "COUNT", COUNT]);
  const [next, found]: readonly unknown[] = Array.isArray(reply) ? reply : [];
  return [typeof next === "string" ? next : "0", texts(asArray(found))];
}

/** How many steps a scan of this many keys takes, about. */
export function stepsFor(keys: number): number {
  return Math.max(1, Math.ceil(keys / Number(COUNT)));
}
