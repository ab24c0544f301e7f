/** Combines the reports of all processes once a second, and sends the result to the operator's pages. */
import { COUNTED } from "./contract.ts";
import type {
  Counts,
  OperatorEvent,
  Overview,
  Point,
  ProcessFacts,
  ProcessReport,
  ProcessState,
  RedisFacts,
  SessionFacts,
} from "./contract.ts";
import type { Endpoint } from "../messages.ts";

const EACH_MS = 1_000;
/** A process that reports each half second is shown as silent after this long. */
const SILENT_AFTER_MS = 1_500;
const MOST_POINTS = 120;
const MOST_EVENTS = 200;

const NONE: Counts = { connects: 0, resumes: 0, updates: 0, conflicts: 0, kicks: 0, outbox: 0 };

export interface BoardSlot extends Endpoint {
  readonly state: Exclude<ProcessState, "silent">;
}

interface LatestReport {
  report: ProcessReport;
  at: number;
}

export class Board {
  readonly #slots: () => readonly BoardSlot[];
  readonly #redis: () => RedisFacts;
  readonly #latest = new Map<number, LatestReport>();
  readonly #listeners = new Set<(overview: Overview) => void>();
  readonly #timer: NodeJS.Timeout;
  #sessions: readonly SessionFacts[] = [];
  #points: Point[] = [];
  #events: OperatorEvent[] = [];
  #newEvents: OperatorEvent[] = [];
  /** What happened since the last point. */
  #second: Record<keyof Counts, number> = { ...NONE };

  constructor(slots: () => readonly BoardSlot[], redis: () => RedisFacts) {
    this.#slots = slots;
    this.#redis = redis;
    this.#timer = setInterval(() => this.#tick(), EACH_MS);
  }

  addReport(process: number, report: ProcessReport): void {
    const before = this.#latest.get(process)?.report.counts ?? NONE;
    for (const name of COUNTED) this.#second[name] += report.counts[name] - before[name];
    this.#latest.set(process, { report, at: Date.now() });
    if (report.sessions !== undefined) this.#sessions = report.sessions;
    this.#keep(report.events);
  }

  /** The process is gone. Its successor counts from 0 again. */
  forget(process: number): void {
    this.#latest.delete(process);
  }

  addEvent(kind: OperatorEvent["kind"], process: number, text: string): void {
    this.#keep([{ at: Date.now(), kind, process, text }]);
  }

  /** Calls `listener` with all current data, then each second with the new data. Returns a function that ends the calls. */
  listen(listener: (overview: Overview) => void): () => void {
    listener(this.overview());
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** All current data. */
  overview(): Overview {
    return { ...this.#now(), isWhole: true, points: this.#points, events: this.#events };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  #keep(events: readonly OperatorEvent[]): void {
    this.#newEvents.push(...events);
    this.#events = [...this.#events, ...events].slice(-MOST_EVENTS);
  }

  #tick(): void {
    const now = this.#now();
    const connections = now.processes.reduce((sum, process) => sum + process.connections, 0);
    const point: Point = { second: Math.floor(Date.now() / 1_000), connections, ...this.#second };
    this.#second = { ...NONE };
    this.#points = [...this.#points, point].slice(-MOST_POINTS);
    const overview: Overview = { ...now, isWhole: false, points: [point], events: this.#newEvents };
    this.#newEvents = [];
    for (const listener of this.#listeners) listener(overview);
  }

  #now(): Pick<Overview, "processes" | "sessions" | "redis"> {
    const slots = this.#slots();
    const sessions = this.#sessions.map((session) => ({
      ...session,
      holders: slots.flatMap(({ process }) => {
        const connections = this.#latest.get(process)?.report.held[session.id];
        return connections === undefined ? [] : [{ process, connections }];
      }),
    }));
    return { processes: slots.map((slot) => this.#factsOf(slot)), sessions, redis: this.#redis() };
  }

  #factsOf(slot: BoardSlot): ProcessFacts {
    const latest = this.#latest.get(slot.process);
    if (latest === undefined) {
      return {
        ...slot,
        connections: 0,
        ok: false,
        latencyMs: undefined,
        eventLoopDelayMs: 0,
        memoryBytes: 0,
      };
    }
    const { connections, ok, latencyMs, eventLoopDelayMs, memoryBytes } = latest.report;
    const isSilent = slot.state === "running" && Date.now() - latest.at > SILENT_AFTER_MS;
    const state = isSilent ? "silent" : slot.state;
    return { ...slot, state, connections, ok, latencyMs, eventLoopDelayMs, memoryBytes };
  }
}
