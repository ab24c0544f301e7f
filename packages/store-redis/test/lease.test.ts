import { expect, test } from "vitest";
import { Keys } from "../src/keys.ts";
import { Lease } from "../src/lease.ts";

test("a lease that lapsed is told once it is good again, though the answer that would have told it was lost", async () => {
  const lost = new Error("no answer came");
  // The first lease; then it is gone, and what sets it again is done, unanswered; then it is there.
  const answers: (string | null | Error)[] = ["OK", null, lost, "OK", "OK"];
  const command = async (): Promise<unknown> => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  let lapsed = 0;
  const events = { lapsed: () => void (lapsed += 1), beat: () => undefined };
  // Of no time at all: it is renewed whenever it is asked for.
  const lease = new Lease({ command }, { askTime: () => undefined }, new Keys("ws", ""), "node", 0, events);
  await lease.ensure();
  await expect(lease.ensure()).rejects.toBe(lost);
  expect(lapsed).toBe(0);
  await lease.ensure();
  expect(lapsed).toBe(1);
  await lease.ensure();
  expect(lapsed).toBe(1);
  expect(answers).toEqual([]);
});
