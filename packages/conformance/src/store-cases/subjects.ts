import { expect } from "vitest";
import type { StoreCase } from "../store-trial.ts";

export const subjectCases: readonly StoreCase[] = [
  {
    name: "bySubject finds the sessions that got the subject when they were created or identified, and no others",
    async run(trial) {
      const [first, second] = await trial.processes();
      const created = await first.born({ subject: "ada" });
      const identified = await second.born();
      await first.born({ subject: "eve" });
      await first.born();
      await second.rotate(identified.id, { subject: "ada" });
      const wanted = trial.harness.capabilities.shared || first === second ? [created.id, identified.id] : [];
      expect((await first.store.bySubject("ada")).toSorted()).toEqual(wanted.toSorted());
      expect((await second.store.bySubject("ada")).toSorted()).toEqual(wanted.toSorted());
      expect(await first.store.bySubject("nobody")).toEqual([]);
      expect(await first.store.bySubject("")).toEqual([]);
    },
  },
  {
    name: "a session that is identified again belongs only to its new subject",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ subject: "ada" });
      await store.rotate(id, { subject: "grace" });
      expect(await store.store.bySubject("ada")).toEqual([]);
      expect(await store.store.bySubject("grace")).toEqual([id]);
    },
  },
  {
    name: "I9 destroySubject destroys all of a subject's sessions for good, returns their ids, and leaves other sessions",
    async run(trial) {
      const [first, second] = await trial.processes();
      const hers = [
        await first.born({ subject: "ada" }),
        await second.born({ subject: "ada" }),
        await first.born(),
      ];
      await first.rotate(hers[2]?.id ?? "", { subject: "ada" });
      const other = await first.born({ subject: "eve" });
      const result = await first.destroySubject("ada", "signed out everywhere");
      expect([...result.destroyed].toSorted()).toEqual(hers.map(({ id }) => id).toSorted());
      for (const { id, digest } of hers) {
        expect(await first.load(id)).toBeUndefined();
        expect(await second.fields(id, { late: true })).toEqual({ type: "missing" });
        expect(await second.resume(id, digest)).toEqual({ type: "missing" });
      }
      expect(await first.store.bySubject("ada")).toEqual([]);
      expect(await first.load(other.id)).toMatchObject({ subject: "eve" });
      expect((await first.destroySubject("ada")).destroyed).toEqual([]);
    },
  },
  {
    name: "a subject whose sessions were destroyed can have a new session",
    async run(trial) {
      const store = await trial.process();
      await store.born({ subject: "ada" });
      await store.destroySubject("ada");
      const { id } = await store.born({ subject: "ada" });
      expect(await store.load(id)).toMatchObject({ subject: "ada" });
      expect(await store.store.bySubject("ada")).toEqual([id]);
    },
  },
  {
    name: "subjects of any characters are kept apart",
    async run(trial) {
      const store = await trial.process();
      const subjects = [
        "ada",
        "ADA",
        "ada ",
        "a:da",
        "{ada}",
        "*",
        "ада",
        "🎈",
        "__proto__",
        "x".repeat(500),
      ];
      const born = await Promise.all(subjects.map((subject) => store.born({ subject })));
      for (const [index, subject] of subjects.entries()) {
        expect(await store.store.bySubject(subject)).toEqual([born[index]?.id]);
      }
    },
  },
  {
    name: "with onlyUnowned a session of another subject answers foreign, and nothing is changed",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const adas = { subject: "ada", onlyUnowned: true };
      expect(await store.rotate(id, adas)).toMatchObject({ type: "rotated" });
      const before = await store.load(id);
      expect(await store.rotate(id, adas)).toMatchObject({ type: "rotated" });
      const result = await store.rotate(id, { subject: "eve", onlyUnowned: true });
      // Stores written for 0.1 ignore this request.
      if (result.type === "rotated") return;
      expect(result).toEqual({ type: "foreign" });
      expect(await store.load(id)).toMatchObject({ subject: "ada", version: (before?.version ?? 0) + 1 });
      expect(await store.store.bySubject("eve")).toEqual([]);
    },
  },
];
