import type { Caller } from "./caller.ts";
import { asArray, texts } from "./reply.ts";

/** Entries of a queue as queue-page.lua returned them: an id and its time by turns. */
export type QueuePage = readonly string[];

/** queue-page.lua: reads the first entries of a queue. */
export async function queuePage(
  { calls }: Pick<Caller, "calls">,
  key: string,
  most: number,
): Promise<QueuePage> {
  return texts(asArray(await calls.script("queue-page", [key], [String(most)])));
}

export const idsOf = (page: QueuePage): string[] => page.filter((_, index) => index % 2 === 0);

/** queue-remove.lua: removes the entries of a page that are unchanged. */
export async function removeUnchanged(
  { calls }: Pick<Caller, "calls">,
  key: string,
  page: QueuePage,
): Promise<void> {
  await calls.script("queue-remove", [key], page);
}
