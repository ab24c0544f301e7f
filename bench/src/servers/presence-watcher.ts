import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { serve } from "../kit/child.ts";
import { quantile } from "../kit/stats.ts";

// A process that watches subjects: `port of Redis`, `number of subjects`.
const [port = "", count = ""] = process.argv.slice(2);
const subjects = Array.from({ length: Number(count) }, (_, index) => `user-${index}`);
/** When each subject's changes were reported, in milliseconds of the clock that all processes of the machine share. */
const told = new Map<string, number[]>();

const sessions = createSessions({
  store: redisStore({ client: new Redis(Number(port), "127.0.0.1") }),
  leaveAfterMs: 600_000,
});
const listener = ({ subject }: { readonly subject: string }): void => {
  const times = told.get(subject) ?? [];
  told.set(subject, times);
  times.push(sharedNow());
};
await sessions.watch(subjects, listener, { signal: new AbortController().signal });
// `watch` reports the present states first. They are not changes.
told.clear();

serve(0, {
  clear() {
    told.clear();
    return {};
  },
  count: () => ({ told: [...told.values()].reduce((sum, times) => sum + times.length, 0) }),
  /** `argument`: by subject, when each of its changes was begun. */
  latencies(argument) {
    const begun = new Map<string, number[]>(JSON.parse(argument));
    const latencies: number[] = [];
    let missing = 0;
    for (const [subject, times] of begun) {
      const heard = told.get(subject) ?? [];
      if (heard.length === times.length) latencies.push(...times.map((at, n) => (heard[n] ?? 0) - at));
      else missing += Math.abs(times.length - heard.length);
    }
    return {
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      missing,
      count: latencies.length,
    };
  },
});

function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
