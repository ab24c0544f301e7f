import type { SubjectNumber } from "../base/subject-numbers.ts";
import type { Caller } from "./caller.ts";

/** watch.lua: lists subjects as watched by this process, or removes them. The subjects are of one bucket. */
export async function listWatched(
  { calls, keys, node }: Caller,
  subjects: readonly SubjectNumber[],
  keepMs: number,
  removes: boolean,
): Promise<void> {
  const numbers = subjects.map(({ number }) => number);
  const key = keys.watchers(subjects[0]?.bucket ?? "");
  await calls.script("watch", [key], [node, String(keepMs), removes ? "1" : "", ...numbers]);
}

/** tell.lua: publishes a message to the processes that watch a subject. A repeat publishes it again. */
export async function tellWatchers(
  { calls, keys }: Caller,
  { bucket, number }: SubjectNumber,
  message: string,
): Promise<void> {
  await calls.announcingScript("tell", keys.watchers(bucket), [number, message]);
}
