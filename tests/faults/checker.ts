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

/** The counts of a history in which acknowledged changes may be lost. */
const KEPT: ReadonlySet<Violation["rule"]> = new Set([
  "duplicate",
  "phantom",
  "lost",
  "resurrected",
  "revived",
]);

/**
 * Checks a history of lists, counters and registers in sessions. Its last reads come after all other operations. The rules are
 * I7 to I11: an acknowledged change is applied once, an unknown change at most once, and a refused change never.
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

/** After an acknowledged destroy no read finds the session, and no write is acknowledged (I9). */
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
  // A lost destroy is repeated, and succeeds again.
  const rule = rules.mayLose === true ? "resurrected" : "duplicate";
  if (firsts.length > 1) say(rule, `${firsts.map(nameOf).join(" and ")} both destroyed it`);
}

/** A session that was not destroyed exists. If the session was lost nevertheless, it never comes back (I9). */
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

/** In the order of the observations of one process, versions and fences never decrease (I8, I13). */
function checkVersions(own: readonly Operation[], say: Say): void {
  for (const [worker, observed] of groupBy(own, (operation) => operation.worker)) {
    const ended = observed
      .filter(({ outcome }) => outcome === "ok")
      .toSorted((one, other) => one.endedAt - other.endedAt);
    // A read that overlaps another operation may return the state before that operation.
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

/** Every session that certainly has a subject is in the subject's index (index ⊇ live). */
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
