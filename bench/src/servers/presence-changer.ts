import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { serve } from "../kit/child.ts";
import { sharedNow } from "../kit/clock.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

// A process whose sessions lose their connections and come back: `port of Redis`, `first subject`, `number of subjects`, and
// whether presence is recorded.
const [port = "", first = "", count = "", isRecorded = ""] = process.argv.slice(2);
const store = redisStore({ client: new Redis(Number(port), "127.0.0.1"), timeoutMs: PATIENCE_MS });
store.attach({ held: () => undefined, heldIds: () => [], notify: () => 0, onError: () => undefined });
if (isRecorded === "true")
  store.track({
    leaveAfterMs: 600_000,
    isAlways: true,
    events: new Set(),
    deliver: () => Promise.resolve(),
  });

const lifetimes = { idleMs: 3_600_000, absoluteMs: 3_600_000 };
const resumed = { digest: "d", nextDigest: undefined, subject: undefined, exclusive: false, hold: true };
const ids: string[] = [];
const holds = new Set<number>();
/** The last change of each session. */
const last: (Promise<void> | undefined)[] = [];
for (let index = 0; index < Number(count); index += 1) {
  const id = randomBytes(16).toString("base64url");
  ids.push(id);
  const request = { id, digest: "d", data: {}, schemaVersion: 0, exclusive: false, hold: true, ...lifetimes };
  await store.create({ ...request, subject: `user-${Number(first) + index}` });
  holds.add(index);
  last.push(Promise.resolve());
}

async function release(index: number): Promise<void> {
  if (!holds.delete(index)) throw new Error("the connection is not there: its resume failed");
  await store.release(ids[index] ?? "");
}

async function resume(index: number): Promise<void> {
  if (holds.has(index)) throw new Error("the connection is still there");
  await store.resume({ ...resumed, id: ids[index] ?? "", idleMs: lifetimes.idleMs });
  holds.add(index);
}

interface Run {
  /** When the first change is due, by the clock that all processes of the machine share. */
  readonly startAt: number;
  readonly perSecond: number;
  readonly changes: number;
}

serve(0, {
  /** Each session loses its connection, and comes back, in turn. `argument`: a run. */
  async run(argument) {
    const { startAt, perSecond, changes }: Run = JSON.parse(argument);
    let failed = 0;
    for (let change = 0; change < changes; change += 1) {
      const early = startAt + (change * 1_000) / perSecond - sharedNow();
      if (early > 0) await wait(Math.ceil(early));
      const index = change % ids.length;
      const goes = Math.floor(change / ids.length) % 2 === 0;
      // Changes of one session run one after another, because a connection that is not established yet can't be lost. A
      // change that fails is counted, and does not prevent later ones.
      last[index] = last[index]
        ?.then(() => (goes ? release(index) : resume(index)))
        .catch(() => void (failed += 1));
    }
    await Promise.all(last);
    return { failed, tookMs: sharedNow() - startAt };
  },
});
