import { accept, createSessions, isSessionError, mapStore, queryToken, reject } from "@wsession/core";
import type { Admission } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterServer } from "../adapter-harness.ts";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import type { Client } from "../client.ts";
import { deferred, Journal, macrotask, until } from "../waiting.ts";

/** Sets members without type checks, as a program without types may do. */
function withMembers(admission: Admission, members: object): Admission {
  return Object.assign(admission, members);
}

/** Holds the handshake of `/slow` back. */
function slowHandshake() {
  const asked = deferred();
  const gate = deferred();
  return {
    asked,
    gate,
    async hold(url: string) {
      if (url !== "/slow") return;
      asked.resolve();
      await gate.promise;
    },
  };
}

/** A client leaves during its slow handshake. Returns another client, whose answer proves that the server has detected the end. */
async function leaveEarly(
  trial: AdapterTrial,
  server: AdapterServer,
  { asked, gate }: ReturnType<typeof slowHandshake>,
): Promise<Client> {
  const gone = trial.raw(server);
  gone.upgrade({ path: "/slow" });
  await asked.promise;
  gone.destroy();
  // The server reads the end of the first socket before it answers this handshake.
  const other = await trial.connect(server, "/other");
  await other.roundTrip();
  gate.resolve();
  return other;
}

/** A refusal is an HTTP status before the 101, and no handler runs. */
export const refusalCases: readonly AdapterCase[] = [
  {
    name: "admit refuses with any status from 400 to 599 and a short body, sync or async",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        async admit({ url }) {
          const status = Number(url.slice(1));
          if (status % 2 === 0) await macrotask();
          return reject(status, `no: ${status}`);
        },
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {
        open: () => journal.note("open"),
        close: () => journal.note("close"),
      });
      for (const status of [400, 401, 403, 404, 418, 429, 500, 503, 599]) {
        const answer = await trial.refused(server, { path: `/${status}` });
        expect(answer.status).toBe(status);
        expect(answer.body).toBe(`no: ${status}`);
        expect(answer.headers.find(([name]) => name === "content-type")?.[1]).toMatch(/^text\//);
      }
      expect(journal.entries).toEqual([]);
      expect(sessions.diagnostics.handshakesRefused).toBe(9);
      expect(sessions.connections.size).toBe(0);
    },
  },
  {
    name: "a refusal without a reason has the standard text of the status (RFC 9110, section 15)",
    async run(trial) {
      const sessions = createSessions({
        admit: ({ url }) => reject(Number(url.slice(1))),
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {});
      const refusal = async (path: string): Promise<unknown> => {
        const { status, body } = await trial.refused(server, { path });
        return [status, body];
      };
      expect(await refusal("/403")).toEqual([403, "Forbidden"]);
      expect(await refusal("/599")).toEqual([599, "Refused"]);
    },
  },
  {
    name: "an admission that can't be sent is answered with 500: an invalid status, a reason or a header that is not a string, a header that would split the answer",
    async run(trial) {
      const reported = new Journal<unknown>();
      const store = mapStore();
      const admissions: Record<string, Admission> = {
        "/status": { type: "reject", status: 200, reason: "fine" },
        "/reason": withMembers(reject(403), { reason: 5 }),
        // Built by hand, because `accept` itself throws for these.
        "/header": { type: "accept", headers: { "x-evil": "a\r\nset-cookie: b=1" } },
        "/number": withMembers(accept(), { headers: { "x-limit": 5 } }),
      };
      const sessions = createSessions({
        store,
        admit: ({ url }) => admissions[url] ?? accept(),
        initial: () => ({ n: 0 }),
        onError: (error) => reported.note(error),
      });
      const server = await trial.serve(sessions, {});
      for (const path of Object.keys(admissions)) {
        const { status, headers } = await trial.refused(server, { path });
        expect(status).toBe(500);
        expect(headers.map(([name]) => name)).not.toContain("set-cookie");
      }
      expect(reported.entries).toHaveLength(4);
      expect(store.size).toBe(0);
    },
  },
  {
    name: "an origin that is not listed is refused with 403, and so is a handshake without one",
    async run(trial) {
      const sessions = createSessions({ origins: ["https://example.com"], initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {});
      const from = (origin: string) => ({ headers: [["Origin", origin]] as const });
      expect((await trial.refused(server, from("https://evil.example"))).status).toBe(403);
      expect((await trial.refused(server, from("https://example.com.evil.example"))).status).toBe(403);
      expect((await trial.refused(server)).status).toBe(403);
      await trial.rawUpgraded(server, from("https://example.com"));
    },
  },
  ...[() => Promise.resolve(true), () => Promise.reject(new Error("origins failed"))].map(
    (origins, index): AdapterCase => ({
      name: `I12 an origins function that ${index === 0 ? "resolves" : "rejects"} admits nobody: 500, and onError gets the error`,
      async run(trial) {
        const reported = new Journal<unknown>();
        const options = {
          initial: () => ({ n: 0 }),
          onError: (error: unknown, { stage }: { readonly stage: string }) =>
            reported.note([stage, isSessionError(error) ? error.code : error]),
        };
        // As untyped programs may do.
        Reflect.set(options, "origins", origins);
        const sessions = createSessions(options);
        const server = await trial.serve(sessions, {});
        expect((await trial.refused(server)).status).toBe(500);
        await macrotask();
        expect(reported.entries).toEqual([["admit", "INVALID_ARGUMENT"]]);
      },
    }),
  ),
  {
    name: "a client with a bad token gets a fresh session, or 401 with onBadToken: refuse",
    async run(trial) {
      const bad = ["x", "", "a.b", `${"A".repeat(22)}.${"B".repeat(43)}`, "%00", "A".repeat(5_000)];
      for (const onBadToken of ["fresh", "refuse"] as const) {
        const resumed = new Journal<boolean>();
        const sessions = createSessions({
          store: mapStore(),
          token: queryToken(),
          onBadToken,
          initial: () => ({ n: 0 }),
        });
        const server = await trial.serve(sessions, {
          open: (connection) => resumed.note(connection.resumed),
        });
        let unseen = 0;
        for (const token of bad) {
          const client = trial.raw(server);
          client.upgrade({ path: `/?token=${token}` });
          const { status } = await client.response;
          // RFC 6585 section 5: a runtime may refuse a head of more than 4 KB before the adapter gets the head.
          if (status === 431 && token.length > 4_096) unseen += 1;
          else expect(status).toBe(onBadToken === "fresh" ? 101 : 401);
        }
        const fresh = bad.length - unseen;
        expect(resumed.entries).toEqual(onBadToken === "fresh" ? Array(fresh).fill(false) : []);
        expect(sessions.diagnostics).toMatchObject({ tokensMalformed: 5 - unseen, tokensUnknown: 1 });
      }
    },
  },
  {
    name: "a client that leaves while admit waits leaves nothing behind: no handler is called, and the process continues",
    async run(trial) {
      const journal = new Journal();
      const slow = slowHandshake();
      const sessions = createSessions({
        async admit({ url }) {
          await slow.hold(url);
          return accept();
        },
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {
        open: (_, { url }) => journal.note(`open ${url}`),
        close: () => journal.note("close"),
      });
      await leaveEarly(trial, server, slow);
      await until(() => sessions.diagnostics.handshakesAbandoned === 1);
      expect(journal.entries).toEqual(["open /other"]);
      expect(sessions.connections.size).toBe(1);
      expect(sessions.diagnostics.handshakesPending).toBe(0);
    },
  },
  {
    name: "a client that leaves while initial waits leaves no session behind",
    async run(trial) {
      const store = mapStore();
      const slow = slowHandshake();
      const sessions = createSessions({
        store,
        async initial({ url }) {
          await slow.hold(url);
          return { url };
        },
      });
      const server = await trial.serve(sessions, {});
      await leaveEarly(trial, server, slow);
      await until(() => sessions.diagnostics.handshakesAbandoned === 1);
      await macrotask();
      expect([...store].map(([, data]) => data)).toEqual([{ url: "/other" }]);
    },
  },
  {
    name: "I4 a client that leaves during its refusal affects nobody else",
    async run(trial) {
      const slow = slowHandshake();
      const sessions = createSessions({
        async admit({ url }) {
          await slow.hold(url);
          return url === "/slow" ? reject(403, "no") : accept();
        },
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {});
      const other = await leaveEarly(trial, server, slow);
      await until(() => sessions.diagnostics.handshakesRefused === 1);
      await other.roundTrip();
    },
  },
  {
    name: "handshakes beyond maxPendingHandshakes are refused with 503",
    async run(trial) {
      const asked = new Journal();
      const gate = deferred();
      const sessions = createSessions({
        maxPendingHandshakes: 2,
        async admit({ url }) {
          asked.note(url);
          await gate.promise;
          return accept();
        },
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {});
      const waiting = [trial.raw(server), trial.raw(server)];
      for (const client of waiting) client.upgrade();
      await asked.until(2);
      expect((await trial.refused(server)).status).toBe(503);
      gate.resolve();
      expect(await Promise.all(waiting.map(async (client) => (await client.response).status))).toEqual([
        101, 101,
      ]);
    },
  },
];
