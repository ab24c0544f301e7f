import { expect, test } from "vitest";
import { Confirmations } from "../src/announcements/confirmations.ts";
import { hashSubject } from "../src/base/keys.ts";
import { KnownEpochs } from "../src/sessions/known-epochs.ts";

test("a decision after this process read an epoch counts as later than the epoch's destruction and all earlier ones", () => {
  const known = new KnownEpochs();
  const before = performance.now() - 1;
  known.record("hash", 7);
  // An answer of an older call that arrives late.
  known.record("hash", 5);
  const after = performance.now() + 1;
  expect(known.isBefore("hash", 7, after)).toBe(true);
  expect(known.isBefore("hash", 5, after)).toBe(true);
  expect(known.isBefore("hash", 8, after)).toBe(false);
  expect(known.isBefore("hash", 7, before)).toBe(false);
  expect(known.isBefore("other", 7, after)).toBe(false);
});

test("no more than 10,000 subjects' epochs are stored, and the oldest are dropped first", () => {
  const known = new KnownEpochs();
  for (let number = 0; number <= 10_000; number += 1) known.record(String(number), 1);
  const after = performance.now() + 1;
  expect(known.isBefore("0", 1, after)).toBe(false);
  expect(known.isBefore("1", 1, after)).toBe(true);
  expect(known.isBefore("10000", 1, after)).toBe(true);
});

test("a duplicate confirmation of a holder counts once", async () => {
  const confirmations = new Confirmations();
  confirmations.open("token");
  const answer = { token: "token", node: "node", id: "id", closed: 2 };
  confirmations.add(answer);
  confirmations.add(answer);
  const held = new Map([["node", ["id"]]]);
  expect(await confirmations.collect("token", held, () => Promise.resolve(false), 1_000)).toEqual({
    closed: 2,
    unreachable: [],
  });
});

test("a subject with half of a surrogate pair is refused, because all such subjects would have the same hash", () => {
  expect(() => hashSubject("\ud800")).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});
