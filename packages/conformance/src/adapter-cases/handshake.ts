import {
  accept,
  cookieToken,
  createSessions,
  mapStore,
  protocolToken,
  queryToken,
  reject,
} from "@wsession/core";
import type { Handshake } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { deferred, delay, Journal, macrotask } from "../waiting.ts";

/** The application's view of an accepted handshake, and the content of its 101. */
export const handshakeCases: readonly AdapterCase[] = [
  {
    name: "the handshake is a copy: method, url, headers, address and protocols can be read after an await",
    async run(trial) {
      const seen = deferred<Handshake>();
      const sessions = createSessions({
        async admit(handshake) {
          await delay(5);
          seen.resolve(handshake);
          return accept();
        },
        initial: () => ({ n: 0 }),
      });
      const opened = deferred<Handshake>();
      const server = await trial.serve(sessions, { open: (_, handshake) => opened.resolve(handshake) });
      const headers = [
        ["X-Custom", "Value"],
        ["X-Twice", "one"],
        ["X-Twice", "two"],
        ["Cookie", "a=1"],
        ["Cookie", "b=2"],
        ["X-Empty", ""],
        ["Sec-WebSocket-Protocol", "chat, superchat"],
        ["Origin", "https://example.com"],
      ] as const;
      await trial.rawUpgraded(server, { path: "/room/7?x=1&y=a%20b", headers });
      for (const handshake of [await seen.promise, await opened.promise]) {
        await macrotask();
        expect(handshake).toMatchObject({
          method: "GET",
          url: "/room/7?x=1&y=a%20b",
          remoteAddress: "127.0.0.1",
          encrypted: false,
          protocols: ["chat", "superchat"],
        });
        expect(handshake.headers).toMatchObject({
          host: "127.0.0.1",
          "x-custom": "Value",
          "x-twice": "one, two",
          cookie: "a=1; b=2",
          "x-empty": "",
          origin: "https://example.com",
          upgrade: "websocket",
          "sec-websocket-version": "13",
        });
        expect(Object.getPrototypeOf(handshake.headers)).toBeNull();
      }
    },
  },
  {
    name: "the handshake is a copy: all of it, with the address, can be read after the client has gone",
    async run(trial) {
      const [asked, seen] = [deferred(), deferred<Handshake>()];
      const gone = deferred();
      const sessions = createSessions({
        async admit(handshake) {
          if (handshake.url !== "/gone") return reject(404);
          asked.resolve();
          await gone.promise;
          seen.resolve({ ...handshake });
          return accept();
        },
      });
      const server = await trial.serve(sessions, {});
      const client = trial.raw(server);
      client.upgrade({ path: "/gone" });
      await asked.promise;
      client.socket.resetAndDestroy();
      await client.closed;
      // These handshakes are answered later, so the server has detected the end of the socket by then.
      for (let turn = 0; turn < 3; turn += 1) await trial.refused(server);
      gone.resolve();
      expect(await seen.promise).toMatchObject({ url: "/gone", remoteAddress: "127.0.0.1" });
    },
  },
  {
    name: "the 101 has the headers of accept and the session's cookie",
    async run(trial) {
      const sessions = createSessions({
        store: mapStore(),
        token: cookieToken({ name: "sid", secure: false }),
        admit: async () => {
          await macrotask();
          return accept({ headers: { "x-answer": "42", "set-cookie": "theme=dark" } });
        },
        initial: () => ({ n: 0 }),
      });
      const tokens = new Journal<string | undefined>();
      const server = await trial.serve(sessions, { open: (connection) => tokens.note(connection.token) });
      const client = await trial.rawUpgraded(server);
      const { status, headers } = await client.response;
      const cookies = headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
      expect(status).toBe(101);
      expect(headers).toContainEqual(["x-answer", "42"]);
      expect(cookies).toHaveLength(2);
      expect(cookies[0]).toBe("theme=dark");
      expect(cookies[1]).toMatch(/^sid=[\w-]{22}\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
      await tokens.until(1);
      expect(tokens.entries).toEqual([undefined]);
    },
  },
  {
    name: "a cookie on the 101 brings the client back to its session, and then no cookie is set again",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        store: mapStore(),
        token: cookieToken({ name: "sid", secure: false }),
        initial: () => ({ visits: 0 }),
      });
      const server = await trial.serve(sessions, {
        async open(connection) {
          const { visits } = await connection.session.update((data) => ({ visits: data.visits + 1 }));
          journal.note(`${connection.resumed} ${visits}`);
        },
      });
      const first = await trial.connect(server);
      const [cookie = ""] = first.headers["set-cookie"] ?? [];
      await journal.until(1);
      first.socket.close();
      const second = await trial.connect(server, "/", {
        headers: { cookie: `other=1; ${cookie.split(";")[0]}` },
      });
      await journal.until(2);
      expect(second.headers["set-cookie"]).toBeUndefined();
      expect(journal.entries).toEqual(["false 1", "true 2"]);
    },
  },
  {
    name: "a token in the query brings the client back to its session; a new client's token is conn.token",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        store: mapStore(),
        token: queryToken(),
        initial: () => ({ who: "me" }),
      });
      const server = await trial.serve(sessions, {
        open(connection) {
          journal.note(`${connection.resumed} ${connection.session.data.who}`);
          if (connection.token !== undefined) connection.send(connection.token);
        },
      });
      const first = await trial.connect(server);
      const token = String(await first.next());
      first.socket.close();
      await trial.connect(server, `/?token=${token}`);
      await journal.until(2);
      expect(journal.entries).toEqual(["false me", "true me"]);
    },
  },
  {
    name: "of the offered protocols one is chosen, and without an offer none",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {});
      const chosen = await trial.connect(server, "/", { protocols: ["chat", "superchat"] });
      expect(chosen.socket.protocol).toBe("chat");
      const without = await trial.rawUpgraded(server);
      const { headers } = await without.response;
      expect(headers.map(([name]) => name)).not.toContain("sec-websocket-protocol");
    },
  },
  {
    name: "a token in a subprotocol resumes its session, is never echoed, and is hidden from the application",
    async run(trial) {
      const seen = new Journal<Handshake>();
      const sessions = createSessions({
        store: mapStore(),
        token: protocolToken(),
        initial: () => ({ n: 0 }),
      });
      const server = await trial.serve(sessions, { open: (_, handshake) => seen.note(handshake) });
      const { session, token } = await sessions.create({ n: 5 });
      for (const protocols of [`chat, wsession.${token}`, `wsession.${token}, chat`, `wsession.${token}`]) {
        const client = await trial.rawUpgraded(server, { headers: [["Sec-WebSocket-Protocol", protocols]] });
        const { headers } = await client.response;
        const echoed = headers
          .filter(([name]) => name === "sec-websocket-protocol")
          .map(([, value]) => value);
        expect(echoed).toEqual(protocols.includes("chat") ? ["chat"] : []);
      }
      await seen.until(3);
      expect([...session.connections]).toHaveLength(3);
      expect(JSON.stringify(seen.entries)).not.toContain(token);
      expect(seen.entries.map(({ protocols }) => protocols)).toEqual([["chat"], ["chat"], []]);
    },
  },
  {
    name: "admit may name the session, and the subject of a new session",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({
        store: mapStore(),
        admit: ({ url }) =>
          url === "/new" ? accept({ subject: "ada" }) : accept({ sessionId: url.slice(1) }),
        initial: () => ({ who: "newcomer" }),
      });
      const server = await trial.serve(sessions, {
        open: ({ session, resumed }) => journal.note(`${session.data.who} ${session.subject} ${resumed}`),
      });
      const { session } = await sessions.create({ who: "known" });
      await trial.connect(server, `/${session.id}`);
      await journal.until(1);
      await trial.connect(server, "/new");
      await journal.until(2);
      expect(journal.entries).toEqual(["known undefined true", "newcomer ada false"]);
    },
  },
];
