import type { InspectedRecord, InspectedSession } from "@wsession/store-redis/inspection";
import { expect, test } from "vitest";
import { type Change, Changes } from "../dist/commands/changes.js";

const isOfAda = ({ subject }: InspectedSession): boolean => subject === "ada";

function sessionOf(subject: string | undefined): InspectedRecord {
  const numbers = { version: 1, fence: 0, schemaVersion: 0, bytes: 2 };
  const never = { idleInMs: Infinity, absoluteInMs: Infinity, own: undefined };
  return {
    type: "session",
    session: { id: "one", subject, holders: [], outbox: undefined, ...numbers, ...never },
  };
}

function scan(changes: Changes, records: readonly InspectedRecord[]): Change[] {
  changes.begin();
  const found = changes.add(records, isOfAda);
  return [...found, ...changes.end()];
}

test("a session that gets another subject than the watched one is reported as identified, and not as ended", () => {
  const changes = new Changes();
  expect(scan(changes, [sessionOf("ada")])).toEqual([]);
  const identified = { type: "identified", id: "one", connections: 0, subject: "bob" };
  expect(scan(changes, [sessionOf("bob")])).toEqual([identified]);
  expect(scan(changes, [sessionOf("bob")])).toEqual([]);
});

test("a session that a scan does not find has ended", () => {
  const changes = new Changes();
  expect(scan(changes, [sessionOf("ada")])).toEqual([]);
  expect(scan(changes, [])).toEqual([{ type: "ended", id: "one" }]);
});
