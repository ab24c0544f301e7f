import type { StoreEvent } from "@wsession/core";
import { expect } from "vitest";
import type { StoreProcess } from "../store-process.ts";
import type { StoreCase } from "../store-trial.ts";

const shared = (capabilities: { readonly shared: boolean }): boolean => capabilities.shared;

const received = (store: StoreProcess, type: StoreEvent["type"], id: string): Promise<void> =>
  store.events.until((event) => event.type === type && event.id === id);

/** Changes of one process reach the other holders of the session. */
export const sharingCases: readonly StoreCase[] = [
  {
    name: "a process that holds a session gets each write of others as an event: the change itself, or the whole session",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { n: 0, gone: true } });
      await second.resume(id, digest);
      await first.fields(id, { n: 1 }, ["gone"]);
      await second.events.until(
        (event) => event.id === id && (event.type === "written" || event.type === "loaded"),
      );
      const [event] = second.events.entries;
      if (event?.type === "written") {
        expect(event).toMatchObject({ version: 2 });
        if (event.change !== undefined) expect(second.held(id)?.data).toEqual({ n: 1 });
      } else expect(event).toMatchObject({ type: "loaded", session: { version: 2, data: { n: 1 } } });
      expect((await second.load(id))?.data).toEqual({ n: 1 });
    },
  },
  {
    name: "a holder gets all writes of others, in the order of versions",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { n: 0 } });
      await second.resume(id, digest);
      for (let n = 1; n <= 30; n += 1)
        await (n % 3 === 0 ? first.replace(id, { n }) : first.fields(id, { n }));
      await second.events.until((event) => event.type === "written" && event.version === 31);
      const versions = second.events.entries.map((event) => (event.type === "written" ? event.version : 0));
      expect(versions).toEqual(versions.toSorted((a, b) => a - b));
    },
  },
  {
    name: "a process gets no event for its own changes, and none for sessions that it does not hold",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ data: { n: 0 } });
      const stranger = await first.born();
      await second.resume(id, digest);
      await first.fields(stranger.id, { n: 1 });
      await first.fields(id, { n: 1 });
      await received(second, "written", id);
      expect(first.events.entries).toEqual([]);
      expect(second.events.entries.every((event) => event.id === id)).toBe(true);
    },
  },
  {
    name: "I9 a destruction reaches the holders with its reason; with confirm they report how many connections they ended",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born();
      await second.resume(id, digest);
      await second.resume(id, digest);
      expect(await first.destroy(id, "signed out", true)).toEqual({
        destroyed: [id],
        closed: 3,
        unreachable: [],
      });
      await received(second, "destroyed", id);
      expect(second.events.entries).toContainEqual({ type: "destroyed", id, reason: "signed out" });
    },
  },
  {
    name: "I9 destroySubject reaches the holders of every session",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const one = await second.born({ subject: "ada" });
      const two = await second.born({ subject: "ada" });
      const result = await first.destroySubject("ada", "revoked");
      expect([...result.destroyed].toSorted()).toEqual([one.id, two.id].toSorted());
      await Promise.all([received(second, "destroyed", one.id), received(second, "destroyed", two.id)]);
    },
  },
  {
    name: "I13 a takeover is announced to the earlier holders, with the new fence",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born({ exclusive: true });
      const result = await second.resume(id, digest, { exclusive: true });
      const fence = result.type === "resumed" ? result.session.fence : expect.fail(result.type);
      await received(first, "replaced", id);
      expect(first.events.entries).toContainEqual({ type: "replaced", id, fence });
    },
  },
  {
    name: "presence counts the connections of each process, without those that were released",
    applies: shared,
    async run(trial) {
      const [first, second] = await trial.processes();
      const { id, digest } = await first.born();
      await second.resume(id, digest);
      await second.resume(id, digest);
      const counts = async () =>
        (await first.store.presence(id)).nodes
          .map(({ connections }) => connections)
          .toSorted((a, b) => a - b);
      expect(await counts()).toEqual([1, 2]);
      await second.release(id);
      expect(await counts()).toEqual([1, 1]);
      await second.release(id);
      expect(await counts()).toEqual([1]);
      await first.fields(id, { n: 1 });
      expect(second.events.entries.some((event) => event.type === "written")).toBe(false);
    },
  },
];
