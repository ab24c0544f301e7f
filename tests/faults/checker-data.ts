// The data of a session: an append-only list, a counter, and fields that are overwritten.
import type { Operation } from "./history.ts";
import { groupBy, isLast, isSure, nameOf, type Read, type SessionHistory, shownSince } from "./violations.ts";

function listOf(read: Read): readonly unknown[] {
  const { list } = read.answer.data;
  return Array.isArray(list) ? list : [];
}

/** An append-only list: every read is a prefix of every longer read, and has all values that were acknowledged before it. */
export function checkList(history: SessionHistory): void {
  const { own, reads, say } = history;
  const appends = new Map(
    own.filter(({ kind }) => kind === "append").map((append) => [append.value, append]),
  );
  if (appends.size === 0) return;
  let longest: readonly unknown[] = [];
  /** Acknowledged values that a read missed, with the end of that read. */
  const missed = new Map<unknown, number>();
  for (const read of reads) {
    const list = listOf(read);
    const [shorter, longer] = list.length < longest.length ? [list, longest] : [longest, list];
    if (shorter.some((value, index) => value !== longer[index]))
      say("rewritten", `${nameOf(read)}: not the beginning of what others read`);
    longest = longer;
    const observed = new Set(list);
    for (const append of appends.values()) {
      if (isSure(append) && append.endedAt < shownSince(read, history) && !observed.has(append.value)) {
        say(isLast(read, reads) ? "lost" : "stale", `${nameOf(append)} is not in ${nameOf(read)}`);
        missed.set(append.value, Math.min(read.endedAt, missed.get(append.value) ?? Infinity));
      }
    }
    for (const value of observed)
      if ((missed.get(value) ?? Infinity) < read.invokedAt)
        say("revived", `${nameOf(read)}: ${String(value)} is there again`);
    if (observed.size < list.length) say("duplicate", `${nameOf(read)}: a value is there twice`);
    for (const value of observed) {
      const append = appends.get(String(value));
      if (append === undefined || append.outcome === "fail")
        say(
          "phantom",
          `${nameOf(read)}: ${append === undefined ? `${String(value)}, never appended` : nameOf(append)}`,
        );
    }
  }
  const last = reads.at(-1);
  if (last === undefined) return;
  const list = listOf(last);
  for (const append of appends.values()) {
    const { result } = append.answer;
    if (result !== undefined && list[result] !== append.value && list.includes(append.value)) {
      say("rewritten", `${nameOf(append)} is not at the place that its caller got`);
    }
  }
}

/** Increments by one: each result is unique, and a read lies between the certain and the possible number of increments. */
export function checkCounter(history: SessionHistory): void {
  const { own, reads, say } = history;
  const increments = own.filter(({ kind }) => kind === "increment");
  const results = new Map<number, Operation>();
  for (const increment of increments) {
    const { result } = increment.answer;
    if (result === undefined) continue;
    const other = results.get(result);
    if (other !== undefined) say("collided", `${nameOf(increment)} and ${nameOf(other)} both made ${result}`);
    results.set(result, increment);
  }
  for (const read of reads) {
    const counter = Number(read.answer.data["counter"] ?? 0);
    const least = increments.filter(
      (increment) => isSure(increment) && increment.endedAt < shownSince(read, history),
    ).length;
    const most = increments.filter(
      ({ outcome, invokedAt }) => outcome !== "fail" && invokedAt < read.endedAt,
    ).length;
    if (counter < least) {
      const rule = isLast(read, reads) ? "lost" : "stale";
      say(rule, `${nameOf(read)}: ${counter} after ${least} acknowledged increments`, least - counter);
    }
    if (counter > most) say("duplicate", `${nameOf(read)}: ${counter} of ${most} possible increments`);
  }
}

/** Overwritten fields: no read returns a value that an acknowledged write had replaced before the read began. */
export function checkRegisters(history: SessionHistory): void {
  const { own, reads, say } = history;
  const writes = own.filter(({ kind }) => kind === "write");
  for (const [field = "", ofField] of groupBy(writes, (write) => write.field)) {
    const byValue = new Map(ofField.map((write) => [write.value, write]));
    for (const read of reads) {
      const value = read.answer.data[field];
      const source = typeof value === "string" ? byValue.get(value) : undefined;
      if (value !== undefined && (source === undefined || source.outcome === "fail")) {
        say(
          "phantom",
          `${nameOf(read)}: ${field} is ${source === undefined ? `${String(value)}, never written` : nameOf(source)}`,
        );
        continue;
      }
      const since = source === undefined ? Number.NEGATIVE_INFINITY : source.endedAt;
      const newer = ofField.find(
        (write) => isSure(write) && write.invokedAt > since && write.endedAt < shownSince(read, history),
      );
      if (newer !== undefined) {
        say(
          isLast(read, reads) ? "lost" : "stale",
          `${nameOf(read)}: ${field} is ${String(value)} after ${nameOf(newer)}`,
        );
      }
    }
  }
}
