import { expect } from "vitest";
import { newDigest } from "../random-ids.ts";
import type { StoreCase } from "../store-trial.ts";

const resumable = (capabilities: { readonly resumable: boolean }): boolean => capabilities.resumable;

export const rotationCases: readonly StoreCase[] = [
  {
    name: "a grace period and the lifetime of a renewal code may be infinite",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      for (const ms of [1e14, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Infinity]) {
        const { id, digest } = await store.born();
        const renewalDigest = newDigest();
        await store.rotate(id, { renewalDigest, graceMs: ms, renewalMs: ms });
        expect(await store.resume(id, digest)).toMatchObject({ type: "resumed", by: "previous" });
        expect(await store.resume(id, renewalDigest)).toMatchObject({ type: "resumed", by: "renewal" });
      }
    },
  },
  {
    name: "rotate replaces the digest; the previous digest stays valid for its grace period, and is a sign of theft after that",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest: oldest } = await first.born({ data: { n: 1 } });
      const old = newDigest();
      // Longer than two calls take on any machine.
      expect(await first.rotate(id, { digest: old, graceMs: 60_000 })).toMatchObject({ type: "rotated" });
      expect(await second.resume(id, old)).toMatchObject({ type: "resumed", by: "current" });
      expect(await second.resume(id, oldest)).toMatchObject({ type: "resumed", by: "previous" });
      const digest = newDigest();
      expect(await first.rotate(id, { digest, graceMs: trial.ticks(3) })).toMatchObject({ type: "rotated" });
      await trial.pass(4);
      expect(await second.resume(id, old, { exclusive: true })).toEqual({ type: "stolen" });
      expect(await first.load(id)).toMatchObject({ version: 1, fence: 0, data: { n: 1 } });
      expect(await second.resume(id, digest)).toMatchObject({ type: "resumed", by: "current" });
    },
  },
  {
    name: "a digest older than the previous one answers wrong, and is not a sign of theft",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest: oldest } = await store.born();
      const [middle, latest] = [newDigest(), newDigest()];
      await store.rotate(id, { digest: middle });
      await store.rotate(id, { digest: latest });
      expect(await store.resume(id, oldest)).toEqual({ type: "wrong" });
      expect(await store.resume(id, middle)).toMatchObject({ by: "previous" });
      expect(await store.resume(id, latest)).toMatchObject({ by: "current" });
    },
  },
  {
    name: "a grace period of 0 invalidates the older digest at once (login, against fixation)",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id, digest: old } = await store.born();
      await store.rotate(id, { graceMs: 0, subject: "ada" });
      expect((await store.resume(id, old)).type).not.toBe("resumed");
    },
  },
  {
    name: "rotate that names the digest to replace answers foreign, and changes nothing, unless that digest is the current one",
    applies: resumable,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest: old } = await first.born();
      const [digest, later] = [newDigest(), newDigest()];
      expect(await first.rotate(id, { digest, replaces: old })).toMatchObject({ type: "rotated" });
      // Another request of the same browser, with the cookie of before.
      for (const replaces of [old, newDigest()])
        expect(await second.rotate(id, { digest: later, replaces, subject: "ada" })).toEqual({
          type: "foreign",
        });
      expect(await first.load(id)).toMatchObject({ version: 1, subject: undefined });
      expect(await first.resume(id, later)).toEqual({ type: "wrong" });
      expect(await first.resume(id, digest)).toMatchObject({ type: "resumed", by: "current" });
      expect(await second.rotate(id, { digest: later, replaces: digest })).toMatchObject({ type: "rotated" });
    },
  },
  {
    name: "rotate does not change the version and the data; with a subject it sets the subject and adds 1 to the version",
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 1 } });
      expect(await store.rotate(id)).toMatchObject({ type: "rotated", version: 1 });
      expect(await store.load(id)).toMatchObject({ version: 1, subject: undefined, data: { n: 1 } });
      expect(await store.rotate(id, { subject: "ada", known: 1 })).toEqual({
        type: "rotated",
        version: 2,
        session: undefined,
      });
      expect(await store.load(id)).toMatchObject({ version: 2, subject: "ada", data: { n: 1 } });
      expect(await store.rotate(id)).toMatchObject({ type: "rotated", version: 2 });
      expect((await store.load(id))?.subject).toBe("ada");
    },
  },
  {
    name: "I8 a rotation with a subject answers with the whole session to a caller that is behind",
    applies: resumable,
    async run(trial) {
      const store = await trial.process();
      const { id } = await store.born({ data: { n: 0 } });
      await store.fields(id, { n: 1 });
      const result = await store.rotate(id, { subject: "ada", known: 1 });
      expect(result).toMatchObject({
        type: "rotated",
        version: 3,
        session: { version: 3, subject: "ada", data: { n: 1 } },
      });
    },
  },
];
