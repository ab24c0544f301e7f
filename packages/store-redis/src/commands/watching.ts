import type { SubjectNumber } from "../base/subject-numbers.ts";
import { type Caller, flagText } from "./caller.ts";

/** watch.lua: lists subjects as watched by this process, or removes them. The subjects are of one bucket. */
export async function listWatched(
  { calls, keys, node }: Caller,
  subjects: readonly SubjectNumber[],
  keepMs: number,
  removes: boolean,
): Promise<void> {
  const numbers = subjects.map(({ number }) => number);
  const key = keys.watchers(subjects[0]?.bucket ?? "");
  await calls.script("watch", [key], [node, String(keepMs), flagText(removes), ...numbers]);
}

/** A change of a session of `subject`. `text`: the part of the message, as `stateText` writes it. */
export interface PublishedChange {
  readonly subject: SubjectNumber;
  readonly text: string;
}

/** publish-changes.lua: publishes changes to the processes that watch their subjects. The subjects are of one bucket. */
export async function publishToWatchers(
  { calls, keys }: Pick<Caller, "calls" | "keys">,
  bucket: string,
  changes: readonly PublishedChange[],
): Promise<void> {
  const numbers = changes.map(({ subject }) => subject.number);
  const texts = changes.map(({ text }) => text);
  await calls.announcingScript("publish-changes", keys.watchers(bucket), [
    String(changes.length),
    ...numbers,
    ...texts,
  ]);
}
