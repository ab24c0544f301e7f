import type { StoreCapabilities, TakeOverSubjectResult } from "@wsession/core";
import { expect } from "vitest";
import type { Born, StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";
import { until } from "../waiting.ts";

const AT_ONCE = 10;
const ada = { subject: "ada", exclusive: true } as const;
const resumable = (capabilities: StoreCapabilities): boolean => capabilities.resumable;

/** Whether the store limits subjects at all: `takeOverSubject` is optional. */
const limits = ({ store }: StoreProcess): boolean => store.takeOverSubject !== undefined;

async function takeOver({ store }: StoreProcess, id: string, raise = true): Promise<TakeOverSubjectResult> {
  return (await store.takeOverSubject?.({ id, subject: "ada", raise })) ?? expect.unreachable();
}

/** Sessions that were created alternately by two processes. */
async function bornAt(processes: readonly StoreProcess[], count: number): Promise<readonly Born[]> {
  const born: Born[] = [];
  for (let index = 0; index < count; index += 1)
    born.push(await (processes[index % processes.length] ?? expect.unreachable()).born(ada));
  return born;
}

export const subjectLimitCases: readonly StoreCase[] = [
  {
    name: "I13 a takeover of a subject raises the fences of the subject's other sessions, on any process, and of no others",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      if (!limits(second)) return;
      const bob = await first.born({ subject: "bob", exclusive: true });
      const [older, newer] = await bornAt([first, second], 2);
      if (older === undefined || newer === undefined) return expect.unreachable();
      const taken = await takeOver(second, newer.id);
      if (taken.type !== "taken") return expect.fail(taken.type);
      const fenceOf = async (id: string) => (await second.load(id))?.fence;
      expect(await fenceOf(newer.id)).toBe(taken.fence);
      expect(taken.others).toEqual([{ id: older.id, fence: await fenceOf(older.id) }]);
      expect(await fenceOf(older.id)).toBeGreaterThan(older.session.fence);
      expect(await fenceOf(bob.id)).toBe(bob.session.fence);
      expect(await first.fields(older.id, { n: 1 }, [], { fence: older.session.fence })).toEqual({
        type: "fenced",
      });
      if (second.store.capabilities.shared)
        await until(() =>
          first.events.entries.some(({ type, id }) => type === "replaced" && id === older.id),
        );
      const kept = await takeOver(first, older.id, false);
      expect(kept).toMatchObject({ type: "taken", fence: await fenceOf(older.id) });
      await second.store.destroy(older.id, undefined, false);
      expect(await takeOver(first, older.id)).toEqual({ type: "missing" });
    },
  },
  {
    name: "I13 of simultaneous takeovers of a subject by several sessions exactly one has the highest fence of its session",
    applies: resumable,
    async run(trial) {
      const processes = await trial.processes();
      if (!limits(processes[0])) return;
      const born = await bornAt(processes, AT_ONCE);
      const results = await Promise.all(
        born.map(({ id }, index) => takeOver(processes[index % 2] ?? processes[0], id)),
      );
      const fences = await Promise.all(born.map(async ({ id }) => (await processes[0].load(id))?.fence));
      const winners = results.filter(
        (result, index) => result.type === "taken" && result.fence === fences[index],
      );
      expect(winners).toHaveLength(1);
    },
  },
  {
    name: "with over: oldest a login above the subject's limit ends the sessions with the earliest logins, as replaced",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      if (!limits(second)) return;
      const limit = { max: 2, over: "oldest" } as const;
      const early = await first.born({ limit });
      const oldest = await first.born({ ...ada, limit });
      await first.rotate(early.id, { subject: "ada", limit });
      const last = await second.born({ ...ada, limit });
      expect([...(await second.store.bySubject("ada"))].toSorted()).toEqual([early.id, last.id].toSorted());
      expect(await second.load(oldest.id)).toBeUndefined();
      if (!second.store.capabilities.shared) return;
      const ended = () =>
        first.events.entries.find(({ type, id }) => type === "destroyed" && id === oldest.id);
      await until(() => ended() !== undefined);
      expect(ended()).toMatchObject({ replaced: true });
    },
  },
  {
    name: "with over: refuse a login above the subject's limit is answered with crowded, and changes nothing",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      if (!limits(second)) return;
      const limit = { max: 1, over: "refuse" } as const;
      const own = await first.born({ ...ada, limit });
      expect(await second.create({ ...ada, limit })).toEqual({ type: "crowded" });
      const other = await second.born({});
      expect(await second.rotate(other.id, { subject: "ada", limit })).toEqual({ type: "crowded" });
      expect(await second.load(other.id)).toMatchObject({ version: 1, subject: undefined });
      expect(await second.store.bySubject("ada")).toEqual([own.id]);
      expect(await first.rotate(own.id, { subject: "ada", limit })).toMatchObject({ type: "rotated" });
      await first.store.destroy(own.id, undefined, false);
      expect(await second.rotate(other.id, { subject: "ada", limit })).toMatchObject({ type: "rotated" });
    },
  },
  {
    name: "after simultaneous logins of a subject exactly as many sessions are left as the limit allows, with oldest and with refuse",
    applies: resumable,
    async run(trial) {
      const processes = await trial.processes();
      if (!limits(processes[0])) return;
      for (const over of ["oldest", "refuse"] as const) {
        const subject = `ada-${over}`;
        const logins = Array.from({ length: AT_ONCE }, (_, index) =>
          (processes[index % 2] ?? processes[0]).create({ subject, limit: { max: 3, over } }),
        );
        const results = await Promise.all(logins);
        expect(await processes[0].store.bySubject(subject)).toHaveLength(3);
        const created = results.filter(({ type }) => type === "created").length;
        if (over === "refuse") expect(created).toBe(3);
      }
    },
  },
];
