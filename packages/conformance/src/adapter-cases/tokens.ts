import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { delay, Journal } from "../waiting.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;

/** Replaced tokens: their grace period, and their use after it. */
export const tokenCases: readonly AdapterCase[] = [
  {
    name: "identify at login replaces the token at once; its renewal code opens the session once, for the next connection",
    async run(trial) {
      const opened = new Journal<Conn>();
      const reported = new Journal<unknown>();
      const sessions = createSessions<Data>({
        store: mapStore(),
        token: queryToken(),
        initial: () => ({ n: 7 }),
        onError: (_, { stage, sessionId }) => reported.note([stage, sessionId]),
      });
      const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
      await trial.connect(server);
      await opened.until(1);
      const [{ session, token: old } = expect.unreachable()] = opened.entries;
      const renewal = await session.identify("ada");
      expect(session.subject).toBe("ada");
      for (const token of [renewal.renewalCode, renewal.renewalCode, old]) {
        await trial.connect(server, `/?token=${token}`);
      }
      await opened.until(4);
      expect(opened.entries.map(({ resumed }) => resumed)).toEqual([false, true, false, false]);
      expect(opened.entries[1]).toMatchObject({ session: { subject: "ada", data: { n: 7 } } });
      // The login replaced this token, so only a thief would present it.
      expect(reported.entries).toEqual([["theft", session.id]]);
      const [, { token: next } = expect.unreachable()] = opened.entries;
      expect(next).toMatch(/^[\w-]{22}\.[\w-]{43}$/);
      await trial.connect(server, `/?token=${next}`);
      await opened.until(5);
      expect(opened.entries[4]?.resumed).toBe(true);
    },
  },
  {
    name: "a token that rotate replaced is valid for its grace period; after that it is refused and reported as theft",
    async run(trial) {
      const opened = new Journal<Conn>();
      const reported = new Journal<unknown>();
      const sessions = createSessions<Data>({
        store: mapStore(),
        token: queryToken(),
        graceMs: 150,
        initial: () => ({ n: 0 }),
        onError: (_, { stage, sessionId }) => reported.note([stage, sessionId]),
      });
      const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
      await trial.connect(server);
      await opened.until(1);
      const [{ session, token: old } = expect.unreachable()] = opened.entries;
      const { token } = await session.rotate();
      await trial.connect(server, `/?token=${old}`);
      await opened.until(2);
      await delay(160);
      await trial.connect(server, `/?token=${old}`);
      await opened.until(3);
      await trial.connect(server, `/?token=${token}`);
      await opened.until(4);
      expect(opened.entries.map(({ resumed }) => resumed)).toEqual([false, true, false, true]);
      expect(reported.entries).toEqual([["theft", session.id]]);
      expect(sessions.diagnostics.tokensStolen).toBe(1);
    },
  },
];
