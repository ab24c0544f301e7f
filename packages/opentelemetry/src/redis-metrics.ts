/** The counters of `redisStore().diagnostics` as metrics. */
import type { Meter } from "@opentelemetry/api";
import { observe, SECOND_MS } from "./observe.ts";

/** The part of `redisStore().diagnostics` that is exported. The type is repeated here, because this package does not depend on the store. */
export interface RedisStoreDiagnostics {
  /** Commands and scripts that were given to the store's connection. */
  readonly calls: number;
  /** Milliseconds from a call to its reply, as percentiles; 0 before the first reply. */
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  /** Calls without an answer within `timeoutMs`. */
  readonly timeouts: number;
  /** Sent calls without a reply. */
  readonly unknown: number;
  /** Calls that a script refused because they reached the server after their time. */
  readonly late: number;
  /** How often Redis became usable again. */
  readonly reconnects: number;
  /** How often the subscription to announcements was established again. */
  readonly resubscriptions: number;
  /** Calls that publish to other processes. */
  readonly announcementsSent: number;
  /** Announcements that arrived here. */
  readonly announcementsHeard: number;
  /** Periodic sweeps over the sessions of this process. */
  readonly sweeps: number;
  /** Sessions that sweeps have read. */
  readonly sweptSessions: number;
  /** Changes that only a sweep found, because their announcements were lost. */
  readonly sweepFindings: number;
  /** Entries of dead processes that were found among the holders of sessions. */
  readonly orphans: number;
}

type CounterName = Exclude<keyof RedisStoreDiagnostics, "latencyMs">;

interface CounterDefinition {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
}

const counterDefinitions: Readonly<Record<CounterName, CounterDefinition>> = {
  calls: { name: "calls", unit: "{call}", description: "Commands and scripts that were given to Redis." },
  timeouts: {
    name: "timeouts",
    unit: "{call}",
    description: "Calls without an answer within timeoutMs, sent or not.",
  },
  unknown: {
    name: "unknown",
    unit: "{call}",
    description: "Calls that were sent, and whose reply never came.",
  },
  late: {
    name: "late",
    unit: "{call}",
    description: "Calls that a script refused because they reached Redis after their time.",
  },
  reconnects: {
    name: "reconnects",
    unit: "{connection}",
    description: "How often Redis became usable again.",
  },
  resubscriptions: {
    name: "resubscriptions",
    unit: "{subscription}",
    description: "How often the subscription to announcements was established again.",
  },
  announcementsSent: {
    name: "announcements.sent",
    unit: "{announcement}",
    description: "Calls that announce a change to other processes.",
  },
  announcementsHeard: {
    name: "announcements.heard",
    unit: "{announcement}",
    description: "Announcements that arrived here.",
  },
  sweeps: {
    name: "sweeps",
    unit: "{sweep}",
    description: "Periodic sweeps over the sessions that this process holds.",
  },
  sweptSessions: {
    name: "sweeps.sessions",
    unit: "{session}",
    description: "Sessions that sweeps, and rereads after a failure, have read.",
  },
  sweepFindings: {
    name: "sweeps.findings",
    unit: "{session}",
    description: "Changes that these reads found because an announcement, or data of Redis, was lost.",
  },
  orphans: {
    name: "orphans",
    unit: "{holder}",
    description: "Entries of dead processes that were found among the holders of sessions.",
  },
};

const PREFIX = "wsession.redis";

/** Exports the sums over the stores that `all` returns. Returns a function that ends the export. */
export function observeRedis(meter: Meter, all: () => Iterable<RedisStoreDiagnostics>): () => void {
  const counters = Object.keys(counterDefinitions)
    .filter(isCounter)
    .map((member) => {
      const { name, ...options } = counterDefinitions[member];
      return { member, counter: meter.createObservableCounter(`${PREFIX}.${name}`, options) };
    });
  const latency = (name: string) =>
    meter.createObservableGauge(`${PREFIX}.latency.${name}`, {
      unit: "s",
      description: `From sending a call to its reply: ${name}; of several stores the longest.`,
    });
  const [p50, p99] = [latency("p50"), latency("p99")];
  const instruments = [p50, p99, ...counters.map(({ counter }) => counter)];
  return observe(meter, instruments, (result) => {
    const stores = [...all()];
    // Zeros would look like a store without a call, so without a store nothing is observed.
    if (stores.length === 0) return;
    for (const { member, counter } of counters)
      result.observe(counter, sum(stores.map((store) => store[member])));
    result.observe(p50, Math.max(...stores.map(({ latencyMs }) => latencyMs.p50)) / SECOND_MS);
    result.observe(p99, Math.max(...stores.map(({ latencyMs }) => latencyMs.p99)) / SECOND_MS);
  });
}

/** Whether all exported values are there. One call of a collector would otherwise throw, and no metric of the process be exported. */
export function isRedisDiagnostics(given: unknown): given is RedisStoreDiagnostics {
  if (typeof given !== "object" || given === null || !("latencyMs" in given)) return false;
  const { latencyMs } = given;
  if (typeof latencyMs !== "object" || latencyMs === null) return false;
  const values = Object.keys(counterDefinitions).map((name): unknown => Reflect.get(given, name));
  return [...values, Reflect.get(latencyMs, "p50"), Reflect.get(latencyMs, "p99")].every(
    (value) => typeof value === "number",
  );
}

function isCounter(member: string): member is CounterName {
  return Object.hasOwn(counterDefinitions, member);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
