import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection, Handlers, Sessions, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import { FramedPeer } from "../framed-peer.ts";
import { Journal } from "../waiting.ts";

type Data = { readonly n: number };
type Conn = Connection<Data, unknown, never>;
type Own = Pick<SessionsOptions<Data>, "outbox" | "gate" | "heartbeatMs" | "onError">;

export function lasting(options: Own = {}): Sessions<Data, unknown, never> {
  return createSessions<Data>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: () => undefined,
    ...options,
  });
}

export interface Setting {
  readonly sessions: Sessions<Data, unknown, never>;
  readonly opened: Journal<Conn>;
  connect(token?: string): Promise<FramedPeer>;
  /** The session of the first connection. */
  readonly session: () => Conn["session"];
}

/** A server whose clients speak `v1.wsession`. */
export async function framedServer(
  trial: AdapterTrial,
  options: Own = {},
  handlers: Handlers<Data, unknown, never> = {},
): Promise<Setting> {
  const sessions = lasting(options);
  const opened = new Journal<Conn>();
  const server = await trial.serve(sessions, {
    ...handlers,
    open(connection, handshake) {
      opened.note(connection);
      return handlers.open?.(connection, handshake);
    },
  });
  return {
    sessions,
    opened,
    connect: (token) => FramedPeer.connect(trial, server, { token }),
    session: () => opened.entries[0]?.session ?? expect.fail("no connection"),
  };
}

/** A client that has attached, and its token. */
export async function arrived(
  setting: Setting,
): Promise<{ readonly peer: FramedPeer; readonly token: string }> {
  const peer = await setting.connect();
  peer.attach();
  const { token } = await peer.until("hello");
  return { peer, token: token ?? expect.fail("no token in hello") };
}

/** What is kept for a client that is away. */
export const keptCases: readonly AdapterCase[] = [
  {
    name: "I15 kept messages reach a client in order, plain ones beside them, and each side counts the same",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await arrived(setting);
      expect(peer.hello).toMatchObject({ lasting: true, resumed: false, mode: "message", protocol: "" });
      expect(peer.position).toEqual({ offset: 0, chain: 0 });
      const bytes = Uint8Array.from([0, 61, 255]);
      const sent = await Promise.all([
        setting.session().send("a"),
        setting.session().send(bytes),
        setting.sessions.send(setting.session().id, "c"),
      ]);
      expect(sent).toEqual([{ offset: 1 }, { offset: 2 }, { offset: 3 }]);
      setting.opened.entries[0]?.send("plain");
      await peer.until("plain");
      expect(peer.keptOffsets).toEqual([1, 2, 3]);
      expect(peer.frames.map((frame) => frame.type)).toEqual(["hello", "kept", "kept", "kept", "plain"]);
      expect(peer.frames[2]).toMatchObject({ message: Buffer.from(bytes) });
    },
  },
  {
    name: "I16 a client that drops and comes back gets every message after its position, and then what is sent live, none twice",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer, token } = await arrived(setting);
      await setting.session().send("1");
      await setting.session().send("2");
      await peer.keptTexts(2);
      peer.client.socket.terminate();
      const { id } = setting.session();
      for (let n = 3; n <= 6; n += 1) await setting.sessions.send(id, `${n}`);
      const again = await setting.connect(token);
      again.comeBack(peer);
      const hello = await again.until("hello");
      expect(hello).toMatchObject({
        session: id,
        resumed: true,
        missed: undefined,
        at: peer.position,
        last: 6,
      });
      await setting.sessions.send(id, "7");
      expect(await again.keptTexts(5)).toEqual(["3", "4", "5", "6", "7"]);
      expect(again.keptOffsets).toEqual([3, 4, 5, 6, 7]);
    },
  },
];
