import { expect } from "vitest";
import { newDigest, newId } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

const resumable = (capabilities: { readonly resumable: boolean }): boolean => capabilities.resumable;

export const resumeCases: readonly StoreCase[] = [
  {
    name: "a store that can't resume answers missing",
    applies: (capabilities) => !capabilities.resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born();
      expect(await store.resume(id, digest)).toEqual({ type: "missing" });
      expect(await store.load(id)).toMatchObject({ version: 1 });
    },
  },
  {
    name: "the right digest resumes the session with all its parts, on any process",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({
        data: { n: 1 },
        subject: "ada",
        schemaVersion: 2,
        hold: false,
      });
      await first.fields(id, { m: 2 }, [], { schemaVersion: 2 });
      const result = await second.resume(id, digest);
      expect(result).toMatchObject({
        type: "resumed",
        by: "current",
        session: { version: 2, data: { n: 1, m: 2 }, subject: "ada", schemaVersion: 2, fence: 0 },
      });
    },
  },
  {
    name: "an unknown id is missing, whatever the digest",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      expect(await store.resume(newId(), newDigest())).toEqual({ type: "missing" });
      expect(await store.resume(newId(), undefined)).toEqual({ type: "missing" });
    },
  },
  {
    name: "a wrong digest answers wrong and changes nothing: not the deadline, the fence, the version or the holders",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({ idleMs: trial.ticks(8), exclusive: true });
      await trial.pass(2);
      const before = await store.store.presence(id);
      for (const wrong of [
        newDigest(),
        digest.slice(1),
        `${digest} `,
        digest.toLowerCase() + digest.toUpperCase(),
      ]) {
        expect(await store.resume(id, wrong, { idleMs: trial.ticks(50), exclusive: true })).toEqual({
          type: "wrong",
        });
      }
      expect(await store.store.presence(id)).toEqual(before);
      expect(await store.load(id)).toMatchObject({ version: 1, fence: 1 });
      expect((await store.load(id))?.idleInMs).toBeLessThanOrEqual(trial.ticks(6));
      await trial.pass(7);
      expect(await store.load(id)).toBeUndefined();
    },
  },
  {
    name: "another subject's session answers foreign, and nothing is changed: deadline, fence, version, holders, code",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born({ subject: "ada", idleMs: trial.ticks(15), exclusive: true });
      const renewalDigest = newDigest();
      await store.rotate(id, { digest, renewalDigest });
      await trial.pass(2);
      const before = await store.store.presence(id);
      const bobs = { subject: "bob", idleMs: trial.ticks(50), exclusive: true, nextDigest: newDigest() };
      for (const secret of [digest, renewalDigest, undefined])
        expect(await store.resume(id, secret, bobs)).toEqual({ type: "foreign" });
      expect(await store.store.presence(id)).toEqual(before);
      expect(await store.load(id)).toMatchObject({ version: 1, fence: 1, subject: "ada" });
      expect((await store.load(id))?.idleInMs).toBeLessThanOrEqual(trial.ticks(13));
      expect(await store.resume(id, newDigest(), bobs)).toEqual({ type: "wrong" });
      const adas = { subject: "ada" };
      expect(await store.resume(id, renewalDigest, adas)).toMatchObject({ type: "resumed", by: "renewal" });
    },
  },
  {
    name: "a session without a subject answers foreign to a resume with a subject, unless the application named the session by id",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest } = await store.born();
      const adas = { subject: "ada" };
      expect(await store.resume(id, digest, adas)).toEqual({ type: "foreign" });
      expect(await store.resume(id, undefined, adas)).toMatchObject({ type: "resumed", by: "none" });
    },
  },
  {
    name: "a resume without a digest succeeds, and its answer says `by: none`",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 1 } });
      expect(await store.resume(id, undefined)).toMatchObject({
        type: "resumed",
        by: "none",
        session: { data: { n: 1 } },
      });
    },
  },
  {
    name: "a session without a token can't be resumed by any digest",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ digest: undefined });
      for (const digest of [newDigest(), "undefined", "null", ""]) {
        expect(await store.resume(id, digest)).toEqual({ type: "wrong" });
      }
      expect(await store.resume(id, undefined)).toMatchObject({ type: "resumed", by: "none" });
    },
  },
  {
    name: "a renewal code resumes the session once, and the next digest resumes it from then on",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id } = await first.born();
      const [renewalDigest, nextDigest] = [newDigest(), newDigest()];
      await first.rotate(id, { renewalDigest });
      expect(await second.resume(id, renewalDigest, { nextDigest })).toMatchObject({
        type: "resumed",
        by: "renewal",
      });
      expect((await second.resume(id, renewalDigest)).type).not.toBe("resumed");
      expect(await first.resume(id, nextDigest)).toMatchObject({ type: "resumed", by: "current" });
    },
  },
  {
    name: "a renewal code without a next digest answers wrong, and changes nothing",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const [digest, renewalDigest, nextDigest] = [newDigest(), newDigest(), newDigest()];
      await store.rotate(id, { digest, renewalDigest });
      expect(await store.resume(id, renewalDigest, { nextDigest: undefined })).toEqual({ type: "wrong" });
      expect(await store.resume(id, digest)).toMatchObject({ type: "resumed", by: "current" });
      expect(await store.resume(id, renewalDigest, { nextDigest })).toMatchObject({ by: "renewal" });
    },
  },
  {
    name: "a renewal code is invalid after its time",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born();
      const [digest, renewalDigest] = [newDigest(), newDigest()];
      await store.rotate(id, { digest, renewalDigest, renewalMs: trial.ticks(2) });
      await trial.pass(3);
      expect(await store.resume(id, renewalDigest)).toEqual({ type: "wrong" });
      expect(await store.resume(id, digest)).toMatchObject({ type: "resumed", by: "current" });
    },
  },
];
