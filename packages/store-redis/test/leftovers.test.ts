import { expect, onTestFinished, test, vi } from "vitest";
import { Keys, idOfEntry, indexEntry } from "../src/keys.ts";
import { Leftovers } from "../src/leftovers.ts";

const WAIT_MS = 90_000;
const hash = "abcdefghijkl";

/** Sessions that are there, entries that were taken out, and how many sessions were looked for. */
function aStore(waitMs = WAIT_MS) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const keys = new Keys("ws", "");
  const live = new Set<string>();
  const removed: string[] = [];
  const looked = { count: 0 };
  const command = async (name: string, [key = "", ...entries]: readonly string[]): Promise<unknown> => {
    if (name === "zrem") return removed.push(...entries.map(idOfEntry));
    looked.count += 1;
    return live.has(key) ? 1 : 0;
  };
  const leftovers = new Leftovers({ command }, keys, waitMs);
  const look = (...ids: readonly string[]): void =>
    leftovers.look(
      keys.index(hash),
      ids.map((id) => indexEntry(hash, id)),
    );
  return { leftovers, live, removed, looked, look, start: (id: string) => live.add(keys.session(id)) };
}

test("what is missing is taken out once it can't come any more, not before", async () => {
  const { leftovers, removed, look, start } = aStore();
  start("live");
  look("live", "gone", "coming");
  await vi.advanceTimersByTimeAsync(WAIT_MS / 2);
  start("coming");
  expect(removed).toEqual([]);
  await vi.advanceTimersByTimeAsync(WAIT_MS);
  expect(removed).toEqual(["gone"]);
  leftovers.close();
});

test("logins look at more while there are some left over, at few otherwise", async () => {
  const { leftovers, look, start, looked } = aStore();
  expect(leftovers.share).toBe(1);
  look("gone");
  look("gone");
  await vi.advanceTimersByTimeAsync(WAIT_MS + 10);
  expect(leftovers.share).toBe(8);
  start("live");
  for (let time = 0; time < 3; time += 1) {
    look("live");
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(leftovers.share).toBe(1);
  looked.count = 0;
  leftovers.close();
  look("other");
  await vi.advanceTimersByTimeAsync(WAIT_MS * 2);
  expect(looked.count).toBe(1);
});

test("what waits is bounded, and each is waited for once", async () => {
  const { leftovers, look, looked, removed } = aStore();
  const ids = Array.from({ length: 70_000 }, (_, index) => `gone-${index}`);
  look(...ids);
  await vi.advanceTimersByTimeAsync(1);
  look(...ids.slice(0, 100));
  await vi.advanceTimersByTimeAsync(WAIT_MS);
  expect(removed).toHaveLength(65_536);
  expect(looked.count).toBe(70_000 + 65_536);
  leftovers.close();
});

test("a wait that is longer than timers can be costs nothing meanwhile, and is as long as it is", async () => {
  const waitMs = 2 ** 31 + 1_000;
  const { leftovers, look, removed } = aStore(waitMs);
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  look("gone");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(timers).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(waitMs - 2_000);
  expect(removed).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(removed).toEqual(["gone"]);
  leftovers.close();
});
