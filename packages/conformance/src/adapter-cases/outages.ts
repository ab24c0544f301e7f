import { createSessions, mapStore, SessionError } from "@wsession/core";
import type { SessionStore, Stage } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { Journal } from "../waiting.ts";

/** A map store that cannot create sessions, as if the store were down. */
function unavailable(): SessionStore {
  const store: SessionStore = mapStore();
  store.create = () =>
    Promise.reject(new SessionError("STORE_UNAVAILABLE", "away", { outcome: "not-applied" }));
  return store;
}

/** An unreachable store is signalled by a status before the 101, and by a close code after it (I11). */
export const outageCases: readonly AdapterCase[] = [
  {
    name: "I11 a newcomer gets 503 before the 101 while the store is unavailable",
    async run(trial) {
      const stages = new Journal<Stage>();
      const sessions = createSessions({
        store: unavailable(),
        initial: () => ({ n: 0 }),
        onError: (_, { stage }) => stages.note(stage),
      });
      const server = await trial.serve(sessions, {});
      const { status } = await trial.refused(server);
      expect(status).toBe(503);
      expect(stages.entries).toEqual(["store"]);
    },
  },
  {
    name: "I11 a store that is unavailable when open sets the session closes the connection with 4503",
    async run(trial) {
      const stages = new Journal<Stage>();
      const sessions = createSessions<{ n: number }>({
        store: unavailable(),
        onError: (_, { stage }) => stages.note(stage),
      });
      const server = await trial.serve(sessions, {
        async open(connection) {
          await connection.setSession({ n: 1 });
        },
      });
      const client = await trial.connect(server);
      expect((await client.closed).code).toBe(4503);
      expect(stages.entries).toEqual(["open"]);
    },
  },
  {
    name: "I11 a store becomes unavailable: a handler that awaits the store and does not catch the error closes its connection with 4503",
    async run(trial) {
      const stages = new Journal<Stage>();
      const store = mapStore();
      const sessions = createSessions({
        store,
        initial: () => ({ n: 0 }),
        onError: (_, { stage }) => stages.note(stage),
      });
      const server = await trial.serve(sessions, {
        message: (connection) => connection.session.patch({ n: 1 }),
      });
      const client = await trial.connect(server);
      Object.assign(store, { write: unavailable().create });
      client.send("n");
      expect((await client.closed).code).toBe(4503);
      expect(stages.entries).toEqual(["message"]);
    },
  },
];
