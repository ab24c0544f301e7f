import { groupBy, type Rules, type Say, type Violation } from "../violations.ts";
import type { Entry, PageEvent, PageHistory, StoredTransactions } from "./history.ts";

/** A message of a page, with the outcome that its sender received. */
interface Message {
  readonly kind: Extract<PageEvent, { type: "sent" }>["kind"];
  outcome: "resolved" | "not-applied" | "unknown" | "none";
  /** The index of the outcome among the page's events. */
  at: number;
}

const nameOf = ({ page, n }: { readonly page: string; readonly n: number }): string => `${page}#${n}`;

/**
 * Compares the events of pages with the content of the store at the end. A message whose `send` resolved is in the data once, a refused
 * one never, and any other one at most once (I21). Changes and answers agree, in the same order (I22, I23). Each page gets each answer
 * once, or a report of the missed ones (I15, I16, I19). If acknowledged changes may be lost, each loss is reported to the page.
 */
export function checkTransactions(
  pages: readonly PageHistory[],
  stored: readonly StoredTransactions[],
  rules: Rules = {},
): Violation[] {
  const violations: Violation[] = [];
  const bySession = groupBy(pages, ({ session }) => session);
  for (const at of stored) {
    const say: Say = (rule, text, count = 1) =>
      void violations.push({ rule, session: at.session, text, count });
    const own = bySession.get(at.session) ?? [];
    checkChanges(own, at, rules, say);
    checkReplies(at, say);
    for (const page of own) checkPage(page, at, rules, say);
  }
  return violations;
}

function messagesOf({ events }: PageHistory): Map<number, Message> {
  const messages = new Map<number, Message>();
  for (const [at, event] of events.entries()) {
    if (event.type === "sent") messages.set(event.n, { kind: event.kind, outcome: "none", at });
    if (event.type !== "resolved" && event.type !== "rejected") continue;
    const message = messages.get(event.n);
    if (message === undefined) throw new Error(`message ${event.n} is settled, but was never sent`);
    message.outcome = event.type === "resolved" ? "resolved" : event.outcome;
    message.at = at;
  }
  return messages;
}

/** Compares the data with the outcomes that the senders received (I21). */
function checkChanges(
  pages: readonly PageHistory[],
  { data }: StoredTransactions,
  rules: Rules,
  say: Say,
): void {
  const entries = groupBy(data?.entries ?? [], nameOf);
  for (const [id, same] of groupBy(data?.entries ?? [], (entry) => entry.id))
    if (same.length > 1) say("duplicate", `${id} is in the data ${same.length} times`, same.length - 1);
  for (const [name, same] of entries)
    if (same.length > 1) say("duplicate", `${name} is in the data ${same.length} times`, same.length - 1);
  const sent = new Map<string, Message>();
  for (const page of pages) {
    const isReported = reportsTo(page);
    for (const [n, message] of messagesOf(page)) {
      const name = nameOf({ page: page.page, n });
      sent.set(name, message);
      if (message.outcome === "none") say("unsettled", `${name} was neither resolved nor rejected`);
      if (message.outcome !== "resolved" || message.kind !== "add" || entries.has(name)) continue;
      say("lost", `${name} was resolved, and is not in the data`);
      if (rules.mayLose === true && page.isOpen && !isReported(n, message.at))
        say("unreported", `${name} was resolved and lost, and its page got no report`);
    }
  }
  for (const name of entries.keys()) {
    const message = sent.get(name);
    if (message === undefined) say("phantom", `${name} is in the data, and was never sent`);
    else if (message.kind !== "add" || message.outcome === "not-applied")
      say("phantom", `${name} is in the data, and was refused or asked for nothing`);
  }
  for (const [page, own] of groupBy(data?.entries ?? [], (entry: Entry) => entry.page))
    if (data?.counts[page] !== own.length)
      say("torn", `${page} counts ${data?.counts[page]}, and has ${own.length} entries`);
}

/** Whether a page got a report that its `n`th message was lost, after the message had been acknowledged. */
function reportsTo({ events }: PageHistory): (n: number, at: number) => boolean {
  return (n, at) =>
    events
      .slice(at)
      .some(
        (event) =>
          (event.type === "rolledBack" && event.from <= n && n <= event.to) ||
          (event.type === "closed" && event.why !== "asked"),
      );
}

/** Each change has its answer, and each answer its change, in the same order (I22, I23). */
function checkReplies({ data, outbox }: StoredTransactions, say: Say): void {
  const changes = (data?.entries ?? []).map(nameOf);
  const replies = outbox.replies.map(nameOf);
  // Older messages are no longer kept.
  const expected = changes.slice(outbox.first - 1);
  for (const [at, change] of expected.entries())
    if (!replies.includes(change))
      say("torn", `${change} is in the data, and no answer to it in the outbox (${outbox.first + at})`);
  for (const [at, reply] of replies.entries())
    if (!expected.includes(reply))
      say("torn", `${reply} is answered at ${outbox.first + at}, and not in the data`);
  if (new Set(replies).size < replies.length) say("duplicate", "a message is answered twice");
  if (expected.length === replies.length && expected.some((change, at) => change !== replies[at]))
    say("torn", "answers are in another order than the changes");
}

/** The answers of one page: consecutive offsets, each with the answer that the store has there (I15, I16, I19). */
function checkPage(history: PageHistory, { outbox }: StoredTransactions, rules: Rules, say: Say): void {
  const { page, events, isOpen } = history;
  let position: number | undefined;
  /** Since the last report to the page that the server may have less than the page. */
  let observed = new Map<number, string>();
  const answered = new Set<string>();
  for (const event of events) {
    if (event.type === "missed") {
      if (rules.mayLose !== true)
        say("missed", `${page} missed ${event.from} to ${event.to}, where nothing may be lost`);
      if (event.certain && position !== undefined && event.from > position + 1)
        say("hole", `${page} was at ${position}, and got a report of ${event.from} to ${event.to} alone`);
      position = event.to;
      if (!event.certain) observed = new Map();
    } else if (event.type === "rolledBack" && rules.mayLose !== true) {
      say("missed", `${page} got a report of a loss, where nothing may be lost`);
    } else if (event.type === "closed" && event.why !== "asked" && rules.mayLose !== true) {
      say("missed", `${page} was closed (${event.why}), where nothing may be lost`);
    }
    if (event.type !== "reply") continue;
    const { offset } = event;
    if (position !== undefined && offset <= position)
      say("duplicate", `${page} got ${offset} after ${position}`);
    else if (position !== undefined && offset !== position + 1)
      say("hole", `${page} got ${offset} after ${position}, and no report of a gap`);
    position = offset;
    observed.set(offset, nameOf(event));
    answered.add(nameOf(event));
  }
  // A page that left gets no report of later losses.
  if (rules.mayLose === true && !isOpen) return;
  const isClosed = events.some(({ type }) => type === "closed");
  if (isClosed) return;
  for (const [offset, name] of observed) {
    const kept = outbox.replies[offset - outbox.first];
    if (offset >= outbox.first && (kept === undefined || nameOf(kept) !== name))
      say(
        "hole",
        `${page} got ${name} at ${offset}, where ${kept === undefined ? "nothing" : nameOf(kept)} is`,
      );
  }
  const end = outbox.first + outbox.replies.length - 1;
  if (isOpen && position !== undefined && position < end)
    say("hole", `${page} ended at ${position} of ${end}, and got no report of a gap`);
  if (rules.mayLose === true) return;
  for (const [n, { kind, outcome }] of messagesOf(history))
    if (kind === "add" && outcome === "resolved" && !answered.has(nameOf({ page, n })))
      say("hole", `${nameOf({ page, n })} was resolved, and its page got no answer`);
}
