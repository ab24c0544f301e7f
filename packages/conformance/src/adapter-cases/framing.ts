import { accept, createSessions, mapStore, protocolToken, queryToken, reject } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { FramedPeer } from "../framed-peer.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import type { Conn, Data } from "../framed-server.ts";
import { newClientId } from "../random-ids.ts";
import { delay, Journal, until } from "../waiting.ts";

const attach = (members: object = {}): string =>
  `.a${JSON.stringify({ v: 1, client: newClientId(), from: 1, known: 0, mark: 0, ...members })}`;

/** Forbidden frames of a client, with the rule in the close reason. */
const wrong: Readonly<Record<string, readonly [frames: readonly (string | Uint8Array)[], reason: RegExp]>> = {
  "raw text": [["hello"], /first byte \(-, = or \.\)/],
  "raw bytes": [[Uint8Array.from([1, 2])], /first byte \(-, = or \.\)/],
  "an empty frame": [[""], /first byte \(-, = or \.\)/],
  "a binary control frame": [[Uint8Array.from([0x2e, 0x3f])], /first byte/],
  "a message before attach": [["-x"], /attach is the first frame/],
  "a numbered message before attach": [["=x"], /attach is the first frame/],
  "a probe before attach": [[".?"], /attach is the first frame/],
  "an attach of another version": [[`.a{"v":2}`], /version 1/],
  "an attach without members": [[".a{}"], /version 1/],
  "an attach that is no JSON": [[".a{"], /./],
  "a client id of another length": [[attach({ client: "short" })], /client/],
  "a number from 0": [[attach({ from: 0 })], /from/],
  "a number beyond 10^12": [[attach({ from: 1e13 })], /from/],
  "a position that is none": [[attach({ at: [1, "x"] })], /chain/],
  "a control frame that is too long": [[attach({ session: "s".repeat(1_100) })], /1024 characters/],
  "nine attaches": [Array.from({ length: 9 }, () => attach()), /too many attaches/],
  "an ack that was not asked for": [[attach(), ".k0"], /no acks/],
  "a flood of probes": [[attach(), ...Array.from({ length: 70 }, () => ".?")], /too many control frames/],
};

/** The handshake and the first frames. */
export const framingCases: readonly AdapterCase[] = [
  ...Object.entries(wrong).map(([what, [frames, reason]]): AdapterCase => ({
    name: `a client of v1.wsession that sends ${what} is closed with 4400, and no other client is affected`,
    async run(trial) {
      const messages = new Journal();
      const setting = await framedServer(
        trial,
        {},
        { message: (_connection, text) => messages.note(`${text}`) },
      );
      const { peer: other } = await attachedPeer(setting);
      const peer = await setting.connect();
      for (const frame of frames) peer.client.send(frame);
      const { code, reason: told } = await peer.client.closed;
      expect(code).toBe(4400);
      expect(told).toMatch(reason);
      expect(messages.entries).toEqual([]);
      other.client.send(".?");
      await other.until("beat");
    },
  })),
  {
    name: "a client of v1.wsession is answered with v1.wsession; the application chooses among its own subprotocols, and gets no others",
    async run(trial) {
      const seen = new Journal<readonly string[]>();
      const sessions = createSessions<Data>({
        store: mapStore(),
        token: protocolToken(),
        initial: () => ({ n: 0 }),
        admit(handshake) {
          seen.note([...handshake.protocols, handshake.headers["sec-websocket-protocol"] ?? ""]);
          return accept();
        },
      });
      const server = await trial.serve(sessions, {});
      const peer = await FramedPeer.connect(trial, server, { protocols: ["chat", "other"] });
      expect(peer.client.socket.protocol).toBe(SUBPROTOCOL);
      peer.attach();
      const { protocol, token, maxMessage, beatMs } = await peer.until("hello");
      expect(protocol).toBe("chat");
      expect(maxMessage).toBeGreaterThan(1_000_000);
      expect(beatMs).toBe(30_000);
      expect(seen.entries).toEqual([["chat", "other", "chat, other"]]);
      const again = await FramedPeer.connect(trial, server, { protocols: ["other", `wsession.${token}`] });
      again.comeBack(peer);
      expect(await again.until("hello")).toMatchObject({
        resumed: true,
        protocol: "other",
        token: undefined,
      });
      const bare = await FramedPeer.connect(trial, server);
      bare.attach();
      expect((await bare.until("hello")).protocol).toBe("");
    },
  },
  {
    name: "a client that does not offer v1.wsession gets none of its frames, and may send text that looks like one",
    async run(trial) {
      const messages = new Journal();
      const setting = await framedServer(
        trial,
        {},
        { message: (connection, text) => void (messages.note(`${text}`), connection.send(text)) },
      );
      const raw = await setting.connectRaw();
      for (const text of [".?", "=x", "-y", attach()]) raw.send(text);
      await messages.until(4);
      await setting.session().send("kept");
      for (const text of [".?", "=x", "-y"]) expect(await raw.next()).toBe(text);
      await raw.next();
      expect(await raw.next()).toBe("kept");
      await raw.roundTrip();
      expect(raw.received).toHaveLength(5);
    },
  },
  {
    name: "a refused client of v1.wsession gets a close code and no session, and a client of a foreign origin gets the status 403",
    async run(trial) {
      const store = mapStore();
      const opened = new Journal<Conn>();
      const sessions = createSessions<Data>({
        store,
        token: queryToken(),
        onBadToken: "refuse",
        origins: ["https://example.com"],
        initial: () => ({ n: 0 }),
        admit: ({ url }) => {
          const [, status] = /status=(\d+)/.exec(url) ?? [];
          return status === undefined ? accept() : reject(Number(status), "no");
        },
      });
      const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
      const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
      const headers = { origin: "https://example.com" };
      const refusal = async (path: string) =>
        (await trial.connect(server, path, { protocols, headers })).closed;
      expect(await refusal("/?token=nonsense")).toMatchObject({
        code: 4401,
        reason: "session token refused",
      });
      expect(await refusal("/?status=403")).toMatchObject({ code: 4403, reason: "no" });
      expect(await refusal("/?status=404")).toMatchObject({ code: 4403 });
      expect(await refusal("/?status=503")).toMatchObject({ code: 4503 });
      expect(await refusal("/?status=429")).toMatchObject({ code: 4503 });
      const stranger = trial.connect(server, "/", { protocols, headers: { origin: "https://evil.example" } });
      await expect(stranger).rejects.toThrow("403");
      expect([store.size, opened.entries.length, sessions.connections.size]).toEqual([0, 0, 0]);
      await until(() => sessions.diagnostics.handshakesPending === 0);
      const peer = await FramedPeer.connect(trial, server, { headers });
      peer.attach();
      await peer.until("hello");
    },
  },
  {
    name: "with gate open attach is answered at once, without a session, and again when the session is set",
    async run(trial) {
      const opened = new Journal<Connection<Data>>();
      const handled = new Journal();
      const sessions = createSessions<Data>({ store: mapStore(), token: queryToken(), gate: "open" });
      const server = await trial.serve(sessions, {
        async message(connection, text) {
          handled.note(`${text}`);
          if (text === "login") await connection.setSession({ n: 1 });
        },
        open: (connection) => opened.note(connection),
      });
      const peer = await FramedPeer.connect(trial, server);
      peer.attach();
      expect(await peer.until("hello")).toMatchObject({
        session: undefined,
        resumed: false,
        token: undefined,
      });
      peer.sendPlain("login");
      const hello = await peer.until("hello");
      const { session } = opened.entries[0] ?? expect.fail("no connection");
      expect(hello.session).toBe(session?.id);
      expect(hello.token).toBeTypeOf("string");
      peer.sendCounted("first");
      await peer.until("applied", ({ number }) => number === 1);
      await session?.send("kept");
      expect(await peer.keptTexts(1)).toEqual(["kept"]);
      expect(handled.entries).toEqual(["login", "first"]);
    },
  },
  {
    name: "the server sends a beat if it sends no other frame, answers a probe, and handles the messages before a bye",
    async run(trial) {
      const handled = new Journal();
      const closed = new Journal<number>();
      const setting = await framedServer(
        trial,
        { heartbeatMs: 200 },
        {
          async message(_connection, text) {
            await delay(5);
            handled.note(`${text}`);
          },
          close: (_connection, { code }) => closed.note(code),
        },
      );
      const { peer } = await attachedPeer(setting);
      await setting.session().send("x");
      const position = await peer.until("kept");
      expect(await peer.until("beat")).toMatchObject({ offset: position.offset, chain: position.chain });
      peer.client.send(".?");
      await peer.until("beat");
      for (const text of ["1", "2", "3"]) peer.sendCounted(text);
      peer.client.send(".b");
      peer.sendCounted("after");
      expect((await peer.client.closed).code).toBe(1000);
      await closed.until(1);
      expect(handled.entries).toEqual(["1", "2", "3"]);
    },
  },
  {
    name: "a control frame with an unknown name is ignored",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      peer.client.send(".z{later}");
      peer.client.send(".t");
      peer.client.send(".?");
      await peer.until("beat");
    },
  },
  {
    name: "identify and rotate send the new token to the connection that called, and to no other",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await attachedPeer(setting);
      const other = await setting.connect(token);
      other.comeBack(peer);
      await other.until("hello");
      const { token: rotated } = await setting.session().rotate();
      expect(await peer.until("notice")).toMatchObject({ token: rotated, renewalCode: undefined });
      const { token: renewed } = await setting.session().identify("ada");
      expect(await peer.until("notice")).toMatchObject({ token: renewed });
      other.client.send(".?");
      await other.until("beat");
      expect(other.frames.some(({ type }) => type === "notice")).toBe(false);
      const again = await setting.connect(renewed);
      again.comeBack(peer);
      expect((await again.until("hello")).resumed).toBe(true);
    },
  },
  {
    name: "a shutdown with drainMs announces to each client in how many milliseconds its connection ends",
    async run(trial) {
      const setting = await framedServer(trial);
      const peers = [await attachedPeer(setting), await attachedPeer(setting)];
      const closing = setting.sessions.close({ drainMs: 200 });
      const { ms } = (await peers[1]?.peer.until("going-away")) ?? expect.fail();
      expect(ms).toBe(100);
      expect((await peers[1]?.peer.client.closed)?.code).toBe(1012);
      await closing;
    },
  },
];
