import type { Operation } from "./history.ts";

export interface Violation {
  readonly rule:
    | "lost" // acknowledged, and not there in the end
    | "collided" // two changes were made of the same state
    | "duplicate" // applied twice
    | "phantom" // there, and refused, or never asked for
    | "rewritten" // what was read once was read differently later
    | "stale" // a read missed what had been acknowledged before it
    | "backwards" // an observer saw a version or a fence go down
    | "resurrected" // seen or written after an acknowledged destroy
    | "revived" // seen again, after a read had shown that it was lost
    | "unlisted"; // live, and not in its subject's index
  readonly session: string;
  readonly text: string;
  /** How many changes it is about. */
  readonly count: number;
}

export interface Rules {
  /** Acknowledged changes may be lost, as after an asynchronous failover: `lost` is counted, order is not checked. */
  readonly mayLose?: boolean | undefined;
}

type Read = Operation & { readonly answer: { readonly data: Readonly<Record<string, unknown>> } };

/**
 * Judges a history of lists, counters and registers in sessions. Its last reads come after everything else, at rest.
 * I7 to I11 are the rules; each acknowledged change is there once, an unknown one zero times or once, a refused one never.
 */
export function check(operations: readonly Operation[], rules: Rules = {}): Violation[] {
  const violations: Violation[] = [];
  for (const [session, own] of groupBy(operations, (operation) => operation.session)) {
    const say: Say = (rule, text, count = 1) => void violations.push({ rule, session, text, count });
    const reads = own.filter(hasData);
    checkList(own, reads, say);
    checkCounter(own, reads, say);
    checkRegisters(own, reads, say);
    checkDestroy(own, say);
    checkVanished(own, say);
    checkVersions(own, say);
  }
  checkIndex(operations, violations);
  const kept = (rule: Violation["rule"]): boolean =>
    ["duplicate", "phantom", "lost", "resurrected", "revived"].includes(rule);
  return rules.mayLose === true ? violations.filter(({ rule }) => kept(rule)) : violations;
}

type Say = (rule: Violation["rule"], text: string, count?: number) => void;

function hasData(operation: Operation): operation is Read {
  const { data } = operation.answer;
  return operation.kind === "read" && operation.outcome === "ok" && data !== null && data !== undefined;
}

const name = ({ worker, op, kind, value, code = "" }: Operation): string =>
  [`${worker}#${op}`, kind, value, code].join(" ");
const isSure = ({ outcome }: Operation): boolean => outcome === "ok" || outcome === "applied";

function listOf(read: Read): readonly unknown[] {
  const { list } = read.answer.data;
  return Array.isArray(list) ? list : [];
}

/** An append-only list: every read is the beginning of every longer one, and holds what was acknowledged before it. */
function checkList(own: readonly Operation[], reads: readonly Read[], say: Say): void {
  const appends = new Map(
    own.filter(({ kind }) => kind === "append").map((append) => [append.value, append]),
  );
  if (appends.size === 0) return;
  let longest: readonly unknown[] = [];
  /** Acknowledged values that a read missed, and when that read had ended. */
  const missed = new Map<unknown, number>();
  for (const read of reads) {
    const list = listOf(read);
    const [shorter, longer] = list.length < longest.length ? [list, longest] : [longest, list];
    if (shorter.some((value, index) => value !== longer[index]))
      say("rewritten", `${name(read)}: not the beginning of what others read`);
    longest = longer;
    const seen = new Set(list);
    for (const append of appends.values()) {
      if (isSure(append) && append.endedAt < read.invokedAt && !seen.has(append.value)) {
        say(isLast(read, reads) ? "lost" : "stale", `${name(append)} is not in ${name(read)}`);
        missed.set(append.value, Math.min(read.endedAt, missed.get(append.value) ?? Infinity));
      }
    }
    for (const value of seen)
      if ((missed.get(value) ?? Infinity) < read.invokedAt)
        say("revived", `${name(read)}: ${String(value)} is there again`);
    if (seen.size < list.length) say("duplicate", `${name(read)}: a value is there twice`);
    for (const value of seen) {
      const append = appends.get(String(value));
      if (append === undefined || append.outcome === "fail")
        say(
          "phantom",
          `${name(read)}: ${append === undefined ? `${String(value)}, never appended` : name(append)}`,
        );
    }
  }
  const last = reads.at(-1);
  if (last === undefined) return;
  const list = listOf(last);
  for (const append of appends.values()) {
    const { result } = append.answer;
    if (result !== undefined && list[result] !== append.value && list.includes(append.value)) {
      say("rewritten", `${name(append)} is not where its caller was told`);
    }
  }
}

function isLast(read: Read, reads: readonly Read[]): boolean {
  return reads.at(-1) === read;
}

/** Increments by one: what each made of the counter is unique, and a read is between what was sure and what was possible. */
function checkCounter(own: readonly Operation[], reads: readonly Read[], say: Say): void {
  const increments = own.filter(({ kind }) => kind === "increment");
  const results = new Map<number, Operation>();
  for (const increment of increments) {
    const { result } = increment.answer;
    if (result === undefined) continue;
    const other = results.get(result);
    if (other !== undefined) say("collided", `${name(increment)} and ${name(other)} both made ${result}`);
    results.set(result, increment);
  }
  for (const read of reads) {
    const counter = Number(read.answer.data["counter"] ?? 0);
    const least = increments.filter(
      (increment) => isSure(increment) && increment.endedAt < read.invokedAt,
    ).length;
    const most = increments.filter(
      ({ outcome, invokedAt }) => outcome !== "fail" && invokedAt < read.endedAt,
    ).length;
    if (counter < least) {
      const rule = isLast(read, reads) ? "lost" : "stale";
      say(rule, `${name(read)}: ${counter} after ${least} acknowledged increments`, least - counter);
    }
    if (counter > most) say("duplicate", `${name(read)}: ${counter} of ${most} possible increments`);
  }
}

/** Fields that are written over: no read shows a value that an acknowledged write, after it and before the read, replaced. */
function checkRegisters(own: readonly Operation[], reads: readonly Read[], say: Say): void {
  const writes = own.filter(({ kind }) => kind === "write");
  for (const [field = "", ofField] of groupBy(writes, (write) => write.field)) {
    const byValue = new Map(ofField.map((write) => [write.value, write]));
    for (const read of reads) {
      const value = read.answer.data[field];
      const source = typeof value === "string" ? byValue.get(value) : undefined;
      if (value !== undefined && (source === undefined || source.outcome === "fail")) {
        say(
          "phantom",
          `${name(read)}: ${field} is ${source === undefined ? `${String(value)}, never written` : name(source)}`,
        );
        continue;
      }
      const since = source === undefined ? Number.NEGATIVE_INFINITY : source.endedAt;
      const newer = ofField.find(
        (write) => isSure(write) && write.invokedAt > since && write.endedAt < read.invokedAt,
      );
      if (newer !== undefined) {
        say(
          isLast(read, reads) ? "lost" : "stale",
          `${name(read)}: ${field} is ${String(value)} after ${name(newer)}`,
        );
      }
    }
  }
}

/** Nothing is read, and no write acknowledged, once a destroy has been (I9). */
function checkDestroy(own: readonly Operation[], say: Say): void {
  const destroys = own.filter((operation) => operation.kind === "destroy" && isSure(operation));
  const goneAt = Math.min(...destroys.map(({ endedAt }) => endedAt));
  for (const operation of own) {
    if (operation.invokedAt <= goneAt || operation.outcome !== "ok") continue;
    if (isChange(operation) || hasData(operation))
      say("resurrected", `${name(operation)} after an acknowledged destroy`);
  }
  const firsts = destroys.filter(({ answer }) => answer.was === true);
  if (firsts.length > 1) say("duplicate", `${firsts.map(name).join(" and ")} both destroyed it`);
}

/** A session that nobody destroyed is there. */
function checkVanished(own: readonly Operation[], say: Say): void {
  const reads = own.filter(({ kind, outcome }) => kind === "read" && outcome === "ok");
  const last = reads.at(-1);
  for (const read of reads) {
    const mayBe = own.some(
      ({ kind, outcome, invokedAt }) => kind === "destroy" && outcome !== "fail" && invokedAt < read.endedAt,
    );
    if (read.answer.data !== null || mayBe) continue;
    const changes = own.filter(
      (change) => isChange(change) && isSure(change) && change.endedAt < read.invokedAt,
    );
    say(
      read === last ? "lost" : "stale",
      `${name(read)}: no session, after ${changes.length} changes`,
      changes.length,
    );
  }
}

function isChange({ kind }: Operation): boolean {
  return kind === "append" || kind === "increment" || kind === "write" || kind === "identify";
}

/** As one process sees it, in the order in which it saw it: versions and fences only go up (I8, I13). */
function checkVersions(own: readonly Operation[], say: Say): void {
  for (const [worker, seen] of groupBy(own, (operation) => operation.worker)) {
    const ended = seen
      .filter(({ outcome }) => outcome === "ok")
      .toSorted((one, other) => one.endedAt - other.endedAt);
    // A read that was on its way while another operation ended may show what was before that one.
    for (const what of ["version", "fence"] as const) {
      let highest = Number.NEGATIVE_INFINITY;
      let pending: Operation[] = [];
      for (const operation of ended) {
        const value = operation.answer[what];
        if (value === undefined) continue;
        const before = pending.filter((other) => other.endedAt < operation.invokedAt);
        highest = Math.max(highest, ...before.map((other) => other.answer[what] ?? highest));
        pending = [...pending.filter((other) => other.endedAt >= operation.invokedAt), operation];
        if (value < highest)
          say("backwards", `${worker}: ${name(operation)} shows ${what} ${value} after ${highest}`);
      }
    }
  }
}

/** Every session that is its subject's for certain is listed (index ⊇ live). */
function checkIndex(operations: readonly Operation[], violations: Violation[]): void {
  const destroyed = new Set(
    operations
      .filter(({ kind, outcome }) => kind === "destroy" && outcome !== "fail")
      .map(({ session }) => session),
  );
  const logins = operations.filter(({ kind }) => kind === "identify");
  for (const index of operations.filter(({ kind, outcome }) => kind === "index" && outcome === "ok")) {
    for (const login of logins) {
      const others = logins.some(({ session, value }) => session === login.session && value !== login.value);
      const isLive =
        login.value === index.value &&
        isSure(login) &&
        login.endedAt < index.invokedAt &&
        !destroyed.has(login.session);
      if (isLive && !others && index.answer.ids?.includes(login.session) !== true) {
        violations.push({
          rule: "unlisted",
          session: login.session,
          count: 1,
          text: `${name(login)} is live, and not in ${name(index)}`,
        });
      }
    }
  }
}

function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
