/** The reports of the processes to their parent, and the data that the parent shows on the operator's page. */
import type { Endpoint } from "../messages.ts";

/** Numbers that only rise while a process lives. The page shows their rates. */
export const COUNTED = ["connects", "resumes", "updates", "conflicts", "kicks", "outbox"] as const;
export type Counted = (typeof COUNTED)[number];
export type Counts = Readonly<Record<Counted, number>>;

/** Something that happened in one process, in words. */
export interface OperatorEvent {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly kind: "connect" | "resume" | "close" | "kick" | "conflict" | "error" | "process" | "redis";
  /** The number of the process; 0 for the parent. */
  readonly process: number;
  readonly text: string;
  /** The close code of a connection that has ended. */
  readonly code?: number | undefined;
}

export interface SessionFacts {
  readonly id: string;
  readonly version: number;
  readonly data: object;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly idleExpiresAt: number;
}

/** A process sends one every half second. */
export interface ProcessReport {
  readonly counts: Counts;
  readonly connections: number;
  /** Whether `sessions.health()` is ok, and the store's latency in milliseconds. */
  readonly ok: boolean;
  readonly latencyMs: number | undefined;
  readonly eventLoopDelayMs: number;
  readonly memoryBytes: number;
  /** The number of connections of each session that the process holds. */
  readonly held: Readonly<Record<string, number>>;
  /** The latest sessions of the store. Only the process that got the request for them sends them. */
  readonly sessions?: readonly SessionFacts[] | undefined;
  /** What happened since the last report. */
  readonly events: readonly OperatorEvent[];
}

export type ProcessState = "starting" | "running" | "stopped" | "silent";

export interface ProcessFacts extends Endpoint {
  readonly state: ProcessState;
  readonly connections: number;
  readonly ok: boolean;
  readonly latencyMs: number | undefined;
  readonly eventLoopDelayMs: number;
  readonly memoryBytes: number;
}

export interface SessionRow extends SessionFacts {
  /** The processes that hold the session, and how many connections each has. */
  readonly holders: readonly { readonly process: number; readonly connections: number }[];
}

/** One second of all processes together. */
export interface Point extends Counts {
  /** Seconds since the epoch. */
  readonly second: number;
  readonly connections: number;
}

export interface RedisFacts {
  /** Whether the demo started this Redis, so that it may stop it. */
  readonly isOurs: boolean;
  readonly state: "running" | "stopped";
}

/** What the page gets each second. */
export interface Overview {
  /** Whether it has all points and events that are kept, and not only those of the last second. */
  readonly isWhole: boolean;
  readonly processes: readonly ProcessFacts[];
  readonly sessions: readonly SessionRow[];
  readonly redis: RedisFacts;
  readonly points: readonly Point[];
  readonly events: readonly OperatorEvent[];
}

export const ACTIONS = ["kill", "stop", "continue", "stop-redis", "start-redis"] as const;
export type Action = (typeof ACTIONS)[number];
