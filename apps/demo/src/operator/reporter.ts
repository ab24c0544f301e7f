/** Reports of one process to its parent, by the public API of the sessions. */
import process from "node:process";
import { onTelemetry } from "@wsession/core";
import type { VisitorSessions } from "../session.ts";
import type { OperatorEvent, ProcessReport, SessionFacts } from "./contract.ts";

const EACH_MS = 500;
const MOST_SESSIONS = 50;
const MOST_EVENTS = 100;
/** Close codes of a server that ends a connection for another one, or with its session. */
const KICKS = new Set([4409, 4410]);

export interface Reporter {
  /** Sends the sessions of the store with the next report. */
  readonly list: () => void;
  readonly stop: () => void;
}

export function reporter(
  sessions: VisitorSessions,
  number: number,
  send: (report: ProcessReport) => Promise<void>,
): Reporter {
  let events: OperatorEvent[] = [];
  let listed: SessionFacts[] | undefined;
  let isListing = false;
  let isBusy = false;
  const counted = { kicks: 0, outbox: 0 };

  const note = (kind: OperatorEvent["kind"], text: string, code?: number): void => {
    if (events.length < MOST_EVENTS) events.push({ at: Date.now(), kind, process: number, text, code });
  };

  const stops = [
    onTelemetry("wsession:connection:open", ({ sessionId, resumed }) => {
      note(resumed ? "resume" : "connect", `${resumed ? "back in" : "a fresh"} session ${short(sessionId)}`);
    }),
    onTelemetry("wsession:connection:close", ({ sessionId, code, by }) => {
      const isKick = by === "server" && KICKS.has(code);
      if (isKick) counted.kicks += 1;
      note(isKick ? "kick" : "close", `left session ${short(sessionId)}: ${code}, by ${by}`, code);
    }),
    onTelemetry("wsession:session:destroy", ({ sessionId, cause }) =>
      note("kick", `session ${short(sessionId)} is destroyed (${cause})`),
    ),
    onTelemetry("wsession:outbox:send", () => (counted.outbox += 1)),
    onTelemetry("wsession:store:health", ({ ok, code, outageMs }) =>
      note(
        ok ? "redis" : "error",
        ok ? `the store is back after ${Math.round(outageMs)} ms` : `the store fails: ${code}`,
      ),
    ),
  ];

  async function report(): Promise<void> {
    const { sessionsResumed, connectionsOpened, writes, conflicts } = sessions.diagnostics;
    const { ok, store, eventLoopDelayMs } = await sessions.health();
    const [sentEvents, sentSessions] = [events, listed];
    events = [];
    listed = undefined;
    // The next report waits for this one: a parent that stands still would make this process keep two more each second.
    await send({
      counts: {
        connects: connectionsOpened,
        resumes: sessionsResumed,
        updates: writes,
        conflicts,
        ...counted,
      },
      connections: sessions.connections.size,
      ok,
      latencyMs: store.latencyMs,
      eventLoopDelayMs,
      memoryBytes: process.memoryUsage.rss(),
      held: heldBy(sessions),
      sessions: sentSessions,
      events: sentEvents,
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
  return {
    list() {
      if (isListing) return;
      isListing = true;
      // Beside the reports, because without its store the list fails late, and the process would seem silent. A list that fails is
      // requested again.
      listOf(sessions)
        .then((facts) => (listed = facts))
        .catch(() => {})
        .finally(() => (isListing = false));
    },
    stop() {
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
}

function short(sessionId: string | undefined): string {
  return sessionId === undefined ? "" : `${sessionId.slice(0, 8)}…`;
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
