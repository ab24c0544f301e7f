import { createSessions, mapStore, protocolToken, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { delay, Journal, until } from "../waiting.ts";

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
        graceMs: 1_000,
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
      await delay(1_010);
      await trial.connect(server, `/?token=${old}`);
      await opened.until(3);
      await trial.connect(server, `/?token=${token}`);
      await opened.until(4);
      expect(opened.entries.map(({ resumed }) => resumed)).toEqual([false, true, false, true]);
      expect(reported.entries).toEqual([["theft", session.id]]);
      expect(sessions.diagnostics.tokensStolen).toBe(1);
    },
  },
  {
    name: "with onBadToken: close a client with a bad token gets 101, its subprotocol and 4401, and no session and no handler",
    async run(trial) {
      const store = mapStore();
      const called = new Journal();
      const sessions = createSessions({
        store,
        token: queryToken(),
        onBadToken: "close",
        origins: ["https://example.com"],
        initial: ({ url }) => (called.note(`initial ${url}`), { n: 0 }),
      });
      const server = await trial.serve(sessions, {
        open: (_, { url }) => called.note(`open ${url}`),
        message: () => called.note("message"),
        close: () => called.note("close"),
      });
      const headers = { origin: "https://example.com" };
      const atOpen = (socket: { send(text: string): void }) => socket.send("unheard");
      const told = { code: 4401, reason: "session token refused" };
      for (const protocols of [[], ["chat", "other"], [DECOY_SUBPROTOCOL, SUBPROTOCOL]]) {
        const client = await trial.connect(server, "/?token=nonsense", { protocols, headers, atOpen });
        const isFramed = protocols.includes(SUBPROTOCOL);
        expect(client.socket.protocol).toBe(isFramed ? SUBPROTOCOL : (protocols[0] ?? ""));
        expect(await client.closed).toEqual(told);
      }
      const stranger = { headers: { origin: "https://evil.example" } };
      await expect(trial.connect(server, "/?token=nonsense", stranger)).rejects.toThrow("403");
      await until(() => sessions.diagnostics.handshakesPending === 0);
      expect([store.size, sessions.connections.size, called.entries.length]).toEqual([0, 0, 0]);
      expect(sessions.diagnostics).toMatchObject({ handshakesRefused: 4, connectionsOpened: 0 });
      await (await trial.connect(server, "/newcomer", { headers })).roundTrip();
      expect(called.entries.slice(0, 2)).toEqual(["initial /newcomer", "open /newcomer"]);
    },
  },
  ...(["refuse", "close"] as const).map((onNoToken): AdapterCase => ({
    name: `with onNoToken: ${onNoToken} only a client with the token of a session gets a connection`,
    async run(trial) {
      const opened = new Journal();
      const sessions = createSessions<{ n: number }>({ store: mapStore(), token: queryToken(), onNoToken });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.note(`open ${connection.session.data.n}`),
        message: (connection, text) => void connection.send(text),
      });
      const endOf = (path: string, protocols: readonly string[] = []) =>
        trial
          .connect(server, path, { protocols })
          .then(({ closed }) => closed)
          .catch((error: unknown) => ({ code: /40\d/.exec(String(error))?.[0], reason: "" }));
      const code = onNoToken === "close" ? 4401 : "401";
      const bad = `${"A".repeat(22)}.${"B".repeat(43)}`;
      const framed = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
      expect(await endOf("/")).toMatchObject({ code });
      expect(await endOf("/?token=")).toMatchObject({ code });
      expect(await endOf(`/?token=${bad}`)).toMatchObject({ code });
      expect(await endOf("/", framed)).toEqual({ code: 4401, reason: "session token missing" });
      expect(await endOf(`/?token=${bad}`, framed)).toMatchObject({ code: 4401 });
      expect(opened.entries).toEqual([]);
      const { token } = await sessions.create({ n: 7 });
      await (await trial.connect(server, `/?token=${token}`)).roundTrip();
      expect(opened.entries).toEqual(["open 7"]);
    },
  })),
  {
    name: "with onBadToken: close a token that came as a subprotocol is not the subprotocol of the answer",
    async run(trial) {
      const token = protocolToken();
      const sessions = createSessions({
        store: mapStore(),
        token,
        onBadToken: "close",
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, {});
      const carrying = "wsession.token.nonsense";
      expect(token.isTokenProtocol(carrying)).toBe(true);
      const client = await trial.connect(server, "/", { protocols: [carrying, "chat"] });
      expect(client.socket.protocol).toBe("chat");
      expect((await client.closed).code).toBe(4401);
    },
  },
];
