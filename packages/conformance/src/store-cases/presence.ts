import type { PresenceEvent, SessionEvent, SessionEventType } from "@wsession/core";
import { expect } from "vitest";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase, StoreTrial } from "../store-trial.ts";
import { Journal } from "../waiting.ts";

const LEAVE_TICKS = 3;

type Event = readonly [type: SessionEventType, event: SessionEvent];

const applies: StoreCase["applies"] = ({ resumable }, harness) => resumable && harness?.presence === true;

/** Tracks presence on all of these processes. Returns the events of all of them together. */
function track(
  trial: StoreTrial,
  processes: readonly StoreProcess[],
  types: readonly SessionEventType[] = ["left", "expired", "destroyed"],
): Journal<Event> {
  const events = new Journal<Event>();
  for (const { store } of new Set(processes))
    store.track?.({
      leaveAfterMs: trial.ticks(LEAVE_TICKS),
      isAlways: true,
      events: new Set(types),
      deliver: async (type, event) => events.note([type, event]),
    });
  return events;
}

async function watch({ store }: StoreProcess, ...subjects: string[]) {
  const told = new Journal<string>();
  const listener = ({ subject, type }: PresenceEvent): void => told.note(`${subject} ${type}`);
  const stop = (await store.watch?.(subjects, listener)) ?? expect.fail("the store has no watch");
  return { told, stop };
}

const typesOf = (events: Journal<Event>): string[] => events.entries.map(([type]) => type);

/** The presence of subjects, and the events of sessions. */
export const presenceCases: readonly StoreCase[] = [
  {
    name: "a session whose connection is lost is away, and after leaveAfterMs causes one left event over all processes",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first, second]);
      const { id } = await first.born({ subject: "ada" });
      expect(await second.store.presenceOfSubject?.("ada")).toMatchObject({
        type: "online",
        sessions: [{ id, connections: 1, awaySince: undefined }],
      });
      await first.release(id);
      const away = await second.store.presenceOfSubject?.("ada");
      expect(away).toMatchObject({ type: "away", sessions: [{ id, connections: 0 }] });
      expect(away?.sessions[0]?.awaySince).toBeGreaterThan(0);
      expect(events.entries).toEqual([]);
      await trial.pass(LEAVE_TICKS + 1);
      await events.until(([type]) => type === "left");
      expect((await second.store.presenceOfSubject?.("ada"))?.type).toBe("offline");
      await trial.pass(LEAVE_TICKS + 1);
      expect(events.entries).toMatchObject([["left", { sessionId: id, subject: "ada" }]]);
    },
  },
  {
    name: "a clean leave causes a left event at once, and the next visit of the session causes another, under another id",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first, second]);
      const { id, digest } = await first.born({ subject: "ada" });
      await first.release(id, "left");
      expect((await second.store.presenceOfSubject?.("ada"))?.type).toBe("offline");
      await events.until(() => events.entries.length === 1);
      await second.resume(id, digest);
      await second.release(id, "left");
      await events.until(() => events.entries.length === 2);
      expect(typesOf(events)).toEqual(["left", "left"]);
      expect(new Set(events.entries.map(([, event]) => event.id)).size).toBe(2);
    },
  },
  {
    name: "a session that comes back in time, on any process, causes no event, and is never reported as offline",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first, second]);
      const { id, digest } = await first.born({ subject: "ada" });
      const { told } = await watch(second, "ada");
      for (let turn = 0; turn < 10; turn += 1) {
        const [from, to] = turn % 2 === 0 ? [first, second] : [second, first];
        await from.release(id);
        await to.resume(id, digest);
      }
      await trial.pass(LEAVE_TICKS + 1);
      expect(events.entries).toEqual([]);
      expect(told.entries.filter((one) => one !== "ada online" && one !== "ada away")).toEqual([]);
    },
  },
  {
    name: "a session that is destroyed or expires causes a destroyed or expired event once, and no left event after it",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first, second]);
      const gone = await first.born({ subject: "ada" });
      const late = await first.born({ subject: "bob", idleMs: trial.ticks(LEAVE_TICKS - 1) });
      await first.release(gone.id);
      await first.release(late.id);
      await second.destroy(gone.id);
      await second.destroy(gone.id);
      await trial.pass(LEAVE_TICKS + 1);
      await events.until(() => events.entries.length === 2);
      await trial.pass(LEAVE_TICKS + 1);
      const found = events.entries.map(([type, { sessionId, subject }]) => [type, sessionId, subject]);
      expect(found).toEqual(expect.arrayContaining([["destroyed", gone.id, "ada"]]));
      expect(found).toEqual(expect.arrayContaining([["expired", late.id, "bob"]]));
      expect(found).toHaveLength(2);
    },
  },
  {
    name: "the event `destroyed` comes once, in a process with a function for it, also if a process without one destroys the session",
    applies: (capabilities, harness) => capabilities.shared && applies(capabilities, harness),
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first]);
      const others = track(trial, [second], ["left", "expired"]);
      const { id } = await first.born({ subject: "ada" });
      await second.destroy(id);
      await events.until(([type]) => type === "destroyed");
      await trial.pass(LEAVE_TICKS + 1);
      expect(events.entries).toMatchObject([["destroyed", { sessionId: id, subject: "ada" }]]);
      expect(others.entries).toEqual([]);
    },
  },
  {
    name: "watch reports the present state of each subject first, then changes of any process, until it is stopped",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      track(trial, [first, second]);
      await first.born({ subject: "ada" });
      const { told, stop } = await watch(second, "ada", "bob");
      expect(told.entries.toSorted()).toEqual(["ada online", "bob offline"]);
      const { id } = await first.born({ subject: "bob" });
      await told.until((one) => one === "bob online");
      await first.release(id, "left");
      await told.until(() => told.entries.at(-1) === "bob offline");
      stop();
      await first.born({ subject: "bob" });
      await trial.pass(1);
      expect(told.entries.slice(2)).toEqual(["bob online", "bob offline"]);
    },
  },
  {
    name: "a session that gets another subject while it is away is away as that subject, and no longer as the former one",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      const events = track(trial, [first, second]);
      const { id } = await first.born({ subject: "ada" });
      await first.release(id);
      await second.rotate(id, { subject: "bob", known: 1 });
      expect((await first.store.presenceOfSubject?.("ada"))?.type).toBe("offline");
      expect((await first.store.presenceOfSubject?.("bob"))?.type).toBe("away");
      await trial.pass(LEAVE_TICKS + 1);
      await events.until(() => events.entries.length === 1);
      expect(events.entries).toMatchObject([["left", { subject: "bob" }]]);
    },
  },
  {
    name: "presenceOfSubject lists each live session of the subject, also one that never had a connection, and no expired one",
    applies,
    async run(trial) {
      const [first, second] = await trial.processes();
      track(trial, [first, second]);
      const { id } = await first.born({ subject: "ada", hold: false });
      const late = await first.born({ subject: "ada", idleMs: trial.ticks(LEAVE_TICKS) });
      await first.release(late.id);
      await first.born({ subject: "bob", hold: false });
      await trial.pass(LEAVE_TICKS + 1);
      const { type, sessions } = (await second.store.presenceOfSubject?.("ada")) ?? expect.fail();
      expect(type).toBe("offline");
      expect(sessions).toEqual([{ id, connections: 0, nodes: [], since: 0, awaySince: expect.any(Number) }]);
    },
  },
];
