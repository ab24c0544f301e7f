/** A plan for an application with idle sessions in one Redis, each held by one connection on ws. */
export interface Plan {
  readonly processes: number;
  /** Memory of Redis. */
  readonly redisBytes: number;
  /** Resident memory of all processes. */
  readonly processBytes: number;
  /** HMGET commands a second, of all processes. */
  readonly sweepReads: number;
  /** PUBLISH commands a second. */
  readonly announcements: number;
  /** Resumes a second at the other processes, while one process hands over. */
  readonly resumes: number;
}

export interface Load {
  readonly sessions: number;
  readonly sweepMs: number;
  /** Changes a second that a process makes of sessions that one other process holds. */
  readonly foreignChanges: number;
  /** The option `drainMs` of `close({ handover: true })`, more than 10 s. */
  readonly drainMs: number;
}

/** Below the limit of 20,000 descriptors a process: the rest is room for a deploy and for an uneven balance. */
const CONNECTIONS_PER_PROCESS = 15_600;
/** Fitted to the measured points of 5,000 and 60,000 sessions. The point of 20,000 checks them: docs/deploying.md has the table. */
const REDIS_BYTES = 500_000;
const REDIS_BYTES_PER_SESSION = 518;
const RSS_BYTES_PER_PROCESS = 106_500_000;
const RSS_BYTES_PER_CONNECTION = 6_500;
/** A sweep reads a tenth of the held sessions, at this rate, or faster if it would take longer than 3/8 of `sweepMs`. */
const SWEEP_SHARE = 0.1;
const SWEEP_READS_PER_SECOND = 1_000;
const LONGEST_SWEEP = 3 / 8;
/** The end of `drainMs`, during which no client gets the request to move. */
const LAST_MOVE_MS = 5_000;

/** Computes the plan. `npm run bench:scale -- --only capacity` measures the same figures at three sizes. */
export function plan({ sessions, sweepMs, foreignChanges, drainMs }: Load): Plan {
  const processes = Math.ceil(sessions / CONNECTIONS_PER_PROCESS);
  const sweep = (SWEEP_SHARE * sessions) / processes;
  const sweepSeconds = Math.min(sweep / SWEEP_READS_PER_SECOND, (LONGEST_SWEEP * sweepMs) / 1_000);
  const pauseSeconds = (meanPause((1_000 * sweepSeconds) / sweepMs) * sweepMs) / 1_000;
  return {
    processes,
    redisBytes: REDIS_BYTES + sessions * REDIS_BYTES_PER_SESSION,
    processBytes: processes * RSS_BYTES_PER_PROCESS + sessions * RSS_BYTES_PER_CONNECTION,
    sweepReads: (processes * sweep) / (pauseSeconds + sweepSeconds),
    announcements: foreignChanges,
    resumes: sessions / processes / ((drainMs - LAST_MOVE_MS) / 1_000),
  };
}

/**
 * The mean pause between two sweeps, as a share of `sweepMs`: random between 0.5 and 1, but at most what two sweeps leave.
 * `took`: the time of a sweep, as a share of `sweepMs`.
 */
function meanPause(took: number): number {
  const most = Math.min(1, 1 - 2 * took);
  return most <= 0.5 ? most : 2 * most - most ** 2 - 0.25;
}
