import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Deadlines } from "../src/base/deadlines.ts";
import { ReadyWaiters } from "../src/connection/ready-waiters.ts";

test("I6 a wait that has settled leaves neither a deadline nor a listener on its signal", async () => {
  const deadlines = new Deadlines();
  const waiters = new ReadyWaiters<string>();
  const { signal } = new AbortController();
  const waiting = waiters.wait(deadlines, 60_000, signal);
  expect(deadlines.size).toBe(1);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  waiters.resolve("session");
  expect(await waiting).toBe("session");
  expect(deadlines.size).toBe(0);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("I6 a wait with a time limit of 0 ends at once", async () => {
  const waiters = new ReadyWaiters<string>();
  const waiting = waiters.wait(new Deadlines(), -1, undefined);
  waiters.resolve("session");
  await expect(waiting).rejects.toMatchObject({ code: "READY_TIMEOUT" });
});
