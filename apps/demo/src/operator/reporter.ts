/** Reports of one process to its parent, by the public API of the sessions. */
import process from "node:process";
import type { VisitorSessions } from "../session.ts";
import type { OperatorEvent, ProcessReport, SessionFacts } from "./contract.ts";

const EACH_MS = 500;
const MOST_SESSIONS = 50;
const MOST_EVENTS = 100;

export interface Reporter {
  /** Adds an event to the next report. */
  readonly note: (kind: OperatorEvent["kind"], text: string) => void;
  /** Sends the sessions of the store with the next report. */
  readonly list: () => void;
  readonly stop: () => void;
}

export function reporter(
  sessions: VisitorSessions,
  number: number,
  send: (report: ProcessReport) => void,
): Reporter {
  let events: OperatorEvent[] = [];
  let isAsked = false;
  let isBusy = false;
  const counted = { kicks: 0, outbox: 0 };

  const note: Reporter["note"] = (kind, text) => {
    if (events.length < MOST_EVENTS) events.push({ at: Date.now(), kind, process: number, text });
  };

  async function report(): Promise<void> {
    const { sessionsResumed, connectionsOpened, writes, conflicts } = sessions.diagnostics;
    const isList = isAsked;
    isAsked = false;
    const listed = isList ? await listOf(sessions) : undefined;
    const sent = events;
    events = [];
    send({
      counts: {
        connects: connectionsOpened,
        resumes: sessionsResumed,
        updates: writes,
        conflicts,
        ...counted,
      },
      connections: sessions.connections.size,
      ok: true,
      latencyMs: undefined,
      eventLoopDelayMs: 0,
      memoryBytes: process.memoryUsage.rss(),
      held: heldBy(sessions),
      sessions: listed,
      events: sent,
    });
  }

  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    // The store is away, which is reported elsewhere. The next report comes in half a second.
    report()
      .catch(() => {})
      .finally(() => (isBusy = false));
  }, EACH_MS).unref();
  return { note, list: () => (isAsked = true), stop: () => clearInterval(timer) };
}

function heldBy(sessions: VisitorSessions): Record<string, number> {
  const held: Record<string, number> = {};
  for (const { session } of sessions.connections) held[session.id] = (held[session.id] ?? 0) + 1;
  return held;
}

async function listOf(sessions: VisitorSessions): Promise<SessionFacts[]> {
  const facts: SessionFacts[] = [];
  for await (const { id, version, data, expiresAt, idleExpiresAt } of sessions.entries()) {
    facts.push({ id, version, data, expiresAt, idleExpiresAt });
    if (facts.length === MOST_SESSIONS) break;
  }
  return facts;
}
