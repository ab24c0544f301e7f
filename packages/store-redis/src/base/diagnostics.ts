import type { LatencyHistogram } from "./latency-histogram.ts";

/**
 * Counters of one `redisStore()` since its creation. No value names a session, a subject or a server, so that all of them may be
 * exported as metrics. All but `latencyMs` only rise.
 */
export interface RedisDiagnostics {
  /** Commands and scripts that were given to the store's connection. A call that was sent again counts once. */
  readonly calls: number;
  /**
   * Milliseconds from sending a call to its reply, as percentiles; 0 before the first reply. The weight of a reply halves with each
   * 16,000 further replies. The error of a value is at most 7 % or 0.01 ms.
   */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Calls without an answer within `timeoutMs`, sent or not. */
  readonly timeouts: number;
  /** Calls whose outcome is unknown: they were sent, and no reply came. */
  readonly unknown: number;
  /** Calls that a script refused because they reached the server after their deadline. A call may have been sent again since. */
  readonly late: number;
  /** How often Redis became usable again after its connection was lost, or its server was refused. */
  readonly reconnects: number;
  /** How often the subscription to announcements was established again. Announcements before that may be lost. */
  readonly resubscriptions: number;
  /** Calls that announce: scripts that publish to the other holders of a session, if there are any, and messages of this process. */
  readonly announcementsSent: number;
  /** Announcements that arrived here. */
  readonly announcementsHeard: number;
  /** Periodic sweeps over the sessions that this process holds. */
  readonly sweeps: number;
  /** Sessions that sweeps, and rereads after a failure, have read. */
  readonly sweptSessions: number;
  /** Changes that these reads found because their announcements were lost, or because Redis has lost data. */
  readonly sweepFindings: number;
  /** Entries of dead processes that were found among the holders of sessions, to be removed. */
  readonly orphans: number;
}

/** The same counters, for the parts of the store that raise them. */
export type RedisCounters = { -readonly [Name in keyof Omit<RedisDiagnostics, "latencyMs">]: number } & Pick<
  RedisDiagnostics,
  "latencyMs"
>;

/** `latency`: where calls record the time of their replies. */
export function newCounters(latency: LatencyHistogram): RedisCounters {
  return {
    calls: 0,
    get latencyMs() {
      return { p50: latency.percentile(0.5), p99: latency.percentile(0.99) };
    },
    timeouts: 0,
    unknown: 0,
    late: 0,
    reconnects: 0,
    resubscriptions: 0,
    announcementsSent: 0,
    announcementsHeard: 0,
    sweeps: 0,
    sweptSessions: 0,
    sweepFindings: 0,
    orphans: 0,
  };
}
