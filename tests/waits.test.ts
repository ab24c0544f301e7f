/** The waits of the test kit end with an error that names the event that is missing. */
import { Journal } from "@wsession/conformance";
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => void vi.useRealTimers());

test("a wait for an entry that does not come ends with the predicate and the entries so far", async () => {
  const journal = new Journal();
  journal.note("open");
  const wait = journal.until((entry) => entry === "close", 20);
  await expect(wait).rejects.toThrow(/within 20 ms: .*entry === "close".*\[ 'open' \]/);
  await expect(journal.until(2, 20)).rejects.toThrow("within 20 ms: 2 entries");
});

test("a wait ends with its entry, also if a fake clock has passed the limit", async () => {
  vi.useFakeTimers();
  const journal = new Journal();
  const wait = journal.until(1);
  vi.advanceTimersByTime(600_000);
  journal.note("open");
  await expect(wait).resolves.toBeUndefined();
  await journal.until(() => true, 0);
});
