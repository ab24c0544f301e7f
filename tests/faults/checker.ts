import { checkCounter, checkList, checkRegisters } from "./checker-data.ts";
import type { Operation } from "./history.ts";
import {
  groupBy,
  hasData,
  isChange,
  isSure,
  nameOf,
  type Rules,
  type Say,
  type SessionHistory,
  type Violation,
} from "./violations.ts";

/** What is counted, and judged, where acknowledged changes may be lost. */
const KEPT: ReadonlySet<Violation["rule"]> = new Set([
  "duplicate",
  "phantom",
  "lost",
  "resurrected",
  "revived",
]);

/**
 * Judges a history of lists, counters and registers in sessions. Its last reads come after everything else, at rest.
 * I7 to I11 are the rules; each acknowledged change is there once, an unknown one zero times or once, a refused one never.
 */
export function check(operations: readonly Operation[], rules: Rules = {}): Violation[] {
  const violations: Violation[] = [];
  for (const [session, own] of groupBy(operations, (operation) => operation.session)) {
    const say: Say = (rule, text, count = 1) => void violations.push({ rule, session, text, count });
    const history: SessionHistory = { own, reads: own.filter(hasData), rules, say };
    checkList(history);
    checkCounter(history);
    checkRegisters(history);
    checkDestroy(history);
    checkVanished(history);
    checkVersions(own, say);
  }
  // The index may be evicted alone.
  if (rules.mayEvict !== true) checkIndex(operations, violations);
  return rules.mayLose === true ? violations.filter(({ rule }) => KEPT.has(rule)) : violations;
}

/** Nothing is read, and no write acknowledged, once a destroy has been (I9). */
function checkDestroy({ own, rules, say }: SessionHistory): void {
  const destroys = own.filter((operation) => operation.kind === "destroy" && isSure(operation));
  const goneAt = Math.min(...destroys.map(({ endedAt }) => endedAt));
  for (const operation of own) {
    const slack = operation.kind === "read" ? (rules.staleMs ?? 0) * 1_000 : 0;
    if (operation.invokedAt - slack <= goneAt || operation.outcome !== "ok") continue;
    if (isChange(operation) || hasData(operation))
      say("resurrected", `${nameOf(operation)} after an acknowledged destroy`);
  }
  const firsts = destroys.filter(({ answer }) => answer.was === true);
  // A destroy that was lost is asked for again, and done again.
  const rule = rules.mayLose === true ? "resurrected" : "duplicate";
  if (firsts.length > 1) say(rule, `${firsts.map(nameOf).join(" and ")} both destroyed it`);
}

/** A session that nobody destroyed is there. One that has gone all the same stays away (I9). */
function checkVanished({ own, rules, say }: SessionHistory): void {
  const reads = own.filter(({ kind, outcome }) => kind === "read" && outcome === "ok");
  const last = reads.at(-1);
  let goneAt = Infinity;
  for (const read of reads) {
    const mayBe = own.some(
      ({ kind, outcome, invokedAt }) => kind === "destroy" && outcome !== "fail" && invokedAt < read.endedAt,
    );
    if (read.answer.data !== null || mayBe) continue;
    goneAt = Math.min(goneAt, read.endedAt);
    const changes = own.filter(
      (change) => isChange(change) && isSure(change) && change.endedAt < read.invokedAt,
    ).length;
    const text = `${nameOf(read)}: no session, after ${changes} changes`;
    if (rules.mayEvict !== true) say(read === last ? "lost" : "stale", text, changes);
    else if (read === last) say("evicted", text, changes);
  }
  for (const operation of own)
    if (
      operation.invokedAt > goneAt &&
      operation.outcome === "ok" &&
      (isChange(operation) || hasData(operation))
    )
      say("revived", `${nameOf(operation)}, after a read had found no session`);
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
          say("backwards", `${worker}: ${nameOf(operation)} shows ${what} ${value} after ${highest}`);
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
          text: `${nameOf(login)} is live, and not in ${nameOf(index)}`,
        });
      }
    }
  }
}
