import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { serve } from "../kit/child.ts";
import { sharedNow } from "../kit/clock.ts";
import { quantile } from "../kit/stats.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

// A process that watches subjects: `port of Redis`, `number of subjects`.
const [port = "", count = ""] = process.argv.slice(2);
const subjects = Array.from({ length: Number(count) }, (_, index) => `user-${index}`);
/** When each subject's changes were reported, in milliseconds of the clock that all processes of the machine share. */
const reportedAt = new Map<string, number[]>();

const sessions = createSessions({
  store: redisStore({ client: new Redis(Number(port), "127.0.0.1"), timeoutMs: PATIENCE_MS }),
  leaveAfterMs: 600_000,
});
const listener = ({ subject }: { readonly subject: string }): void => {
  const times = reportedAt.get(subject) ?? [];
  reportedAt.set(subject, times);
  times.push(sharedNow());
};
await sessions.watch(subjects, listener, { signal: new AbortController().signal });
// `watch` reports the present states first. They are not changes.
reportedAt.clear();

serve(0, {
  clear() {
    reportedAt.clear();
    return {};
  },
  count: () => ({ reported: [...reportedAt.values()].reduce((sum, times) => sum + times.length, 0) }),
  /** `argument`: by subject, when each of its changes was due. */
  latencies(argument) {
    const due = new Map<string, number[]>(JSON.parse(argument));
    const latencies: number[] = [];
    let missing = 0;
    for (const [subject, times] of due) {
      const reported = reportedAt.get(subject) ?? [];
      if (reported.length === times.length) latencies.push(...times.map((at, n) => (reported[n] ?? 0) - at));
      else missing += Math.abs(times.length - reported.length);
    }
    return {
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      missing,
      count: latencies.length,
    };
  },
});
