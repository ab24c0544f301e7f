import { setTimeout as delay } from "node:timers/promises";
import { isSessionError } from "@wsession/core";
import type { BusEvent } from "@wsession/store-redis/inspection";
import type { Command } from "../arguments.ts";
import type { Context } from "../context.ts";
import { EXIT, explain } from "../failures.ts";
import type { Printer, Style } from "../output/printer.ts";
import { type Change, Changes } from "./changes.ts";

type Event = Change | BusEvent | { readonly type: "watching" | "away"; readonly text: string };

/**
 * Prints what happens until Ctrl-C: messages on the channels at once, and the changes that a scan of all sessions finds, every `everyMs`. The
 * channels alone would show little, because a process announces a change only to the other processes that hold the session.
 */
export async function watch(
  context: Context,
  { everyMs, subject }: Extract<Command, { name: "watch" }>,
): Promise<number> {
  const { inspection, printer, signal } = context;
  const changes = new Changes();
  const print = new EventPrinter(printer);
  /** The ids of the subject's sessions. Most messages name only an id, and not the subject. */
  const ids = new Set<string>();
  const isOfInterest = (event: BusEvent): boolean =>
    subject === undefined ||
    ("id" in event ? ids.has(event.id) : !("subject" in event) || event.subject === subject);
  const bus = inspection.listen((event) => {
    if (isOfInterest(event)) print.event(event, "channel");
  });
  let isAway = false;
  for (let scan = 1; !signal.aborted; scan += 1) {
    try {
      changes.begin();
      for await (const { records } of inspection.scan()) {
        if (signal.aborted) break;
        const processes = new Set<string>();
        for (const record of records) {
          if (record.type !== "session") continue;
          if (record.session.subject === subject) ids.add(record.session.id);
          else ids.delete(record.session.id);
          for (const holder of record.session.holders) processes.add(holder.process);
        }
        bus.follow(processes);
        const found = changes.add(records, (session) => subject === undefined || session.subject === subject);
        for (const change of found) print.event(change, "scan");
      }
      if (signal.aborted) break;
      for (const change of changes.end()) print.event(change, "scan");
      if (scan === 1) print.event({ type: "watching", text: context.where }, "scan");
      isAway = false;
    } catch (error) {
      if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
      if (scan === 1) throw error;
      if (!isAway) print.event({ type: "away", text: explain(error) }, "scan");
      isAway = true;
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return EXIT.fine;
}

/** How many events are stored. The next scan finds a change that a message has already reported; the change is printed once. */
const REMEMBERED = 1_000;

class EventPrinter {
  readonly #printer: Printer;
  readonly #shown = new Set<string>();

  constructor(printer: Printer) {
    this.#printer = printer;
  }

  event(event: Event, source: "channel" | "scan"): void {
    const key = keyOf(event);
    if (key !== undefined) {
      if (this.#shown.has(key)) return;
      this.#shown.add(key);
      const [oldest] = this.#shown;
      if (this.#shown.size > REMEMBERED && oldest !== undefined) this.#shown.delete(oldest);
    }
    const at = new Date().toISOString();
    this.#printer.value({ at, source, ...event });
    const style = STYLES[event.type];
    const type = event.type.padEnd(17);
    const styled = style === undefined ? type : this.#printer.style(style, type);
    this.#printer.line(this.#printer.style("dim", at.slice(11, 23)), "  ", styled, `  ${textOf(event)}`);
  }
}

const STYLES: Readonly<Partial<Record<Event["type"], Style>>> = {
  created: "green",
  connected: "green",
  destroyed: "red",
  "subject-destroyed": "red",
  ended: "yellow",
  interrupted: "yellow",
  away: "red",
};

/** Returns a key that an event from a message has in common with the same event from a scan. */
function keyOf(event: Event): string | undefined {
  switch (event.type) {
    case "destroyed":
      return `${event.type} ${event.id}`;
    case "changed":
      return `${event.type} ${event.id} ${event.version}`;
    case "sent":
      return `${event.type} ${event.id} ${event.offset}`;
    default:
      return undefined;
  }
}

function textOf(event: Event): string {
  switch (event.type) {
    case "created":
    case "connected":
    case "disconnected":
    case "identified": {
      const { id, subject, connections } = event;
      return `${id}  ${connections} connected${subject === undefined ? "" : `  ${subject}`}`;
    }
    case "changed":
      return `${event.id}  version ${event.version}`;
    case "sent":
      return `${event.id}  kept message ${event.offset}`;
    case "taken-over":
      return `${event.id}  fence ${event.fence}`;
    case "destroyed":
      return `${event.id}  ${event.replaced ? "by a newer login" : (event.reason ?? "")}`.trimEnd();
    case "subject-destroyed":
      return `${event.subject}  ${event.reason ?? ""}`.trimEnd();
    case "presence":
      return `${event.id}  ${event.state}`;
    case "ended":
    case "extended":
      return event.id;
    case "listening":
      return "messages between processes are seen from now on";
    case "interrupted":
      return `messages between processes are not seen: ${event.cause}`;
    case "watching":
    case "away":
      return event.text;
  }
}
