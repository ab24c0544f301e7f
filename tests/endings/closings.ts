/** Each reason to close a connection, brought about over real sockets. */
import { deferred, until } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { inConnectionStore, mapStore, SessionError } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { onTestFinished } from "vitest";
import { connect } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { asAda, BAD, fail, failingStore, initial, resumable, start } from "./setup.ts";
import type { Own, OwnHandlers, Setting } from "./setup.ts";

async function ending(
  setting: Setting,
  act: (client: Client) => unknown = () => undefined,
  path = "/",
): Promise<string> {
  const client = await connect(setting, path);
  await act(client);
  const { code, reason } = await client.closed;
  return `${code} ${reason}`;
}

async function flooded(setting: Setting): Promise<string> {
  return ending(setting, (client) => {
    for (let sent = 0; sent < 10; sent += 1) client.send("x");
  });
}

const only = (sessions: Own) => [...sessions.connections][0];

/** Each key is the close code and the reason that the client gets. */
export const closings: Readonly<Record<string, (runtime: RuntimeName) => Promise<string>>> = {
  "1000 ": async (runtime) => ending(await start(runtime, { initial }, { open: (conn) => conn.close() })),
  "1011 handler failed": async (runtime) => {
    const endings = new Set<string>();
    const send = (client: Client): void => client.send("x");
    const handlers: OwnHandlers[] = [
      { open: fail },
      { open: async () => fail() },
      { message: fail },
      { message: async () => fail() },
      {
        open: (conn) => void conn.session?.patch({ n: 1 }),
        change: fail,
        message: (conn) => void conn.setSession({ n: 2 }),
      },
    ];
    for (const [index, one] of handlers.entries()) {
      const setting = await start(runtime, resumable(), one);
      const act = async (client: Client): Promise<void> => {
        if (index < handlers.length - 1) return send(client);
        await until(() => setting.sessions.connections.size === 1);
        const { id = "" } = only(setting.sessions)?.session ?? {};
        await (await setting.sessions.get(id))?.set({ n: 5 });
      };
      endings.add(await ending(setting, act));
    }
    return [...endings].join();
  },
  "1011 initial failed": async (runtime) => {
    // A third party's store, which keeps sessions on connections and refuses a new session.
    const store: SessionStore = { ...inConnectionStore(), create: fail };
    return ending(await start(runtime, { store, initial }));
  },
  "1012 server restarting": async (runtime) => {
    const setting = await start(runtime, { initial });
    return ending(setting, () => setting.sessions.close());
  },
  "1013 too many messages waiting": async (runtime) => {
    const gate = deferred();
    onTestFinished(() => gate.resolve());
    const options = { initial, inbox: { maxMessages: 2 } };
    return flooded(await start(runtime, options, { message: () => gate.promise }));
  },
  "4408 session not set in time": async (runtime) =>
    ending(await start(runtime, { early: { timeoutMs: 30 } })),
  "4409 replaced by a newer connection": async (runtime) => {
    const setting = await start(runtime, { ...resumable(), exclusive: true });
    const { token } = await setting.sessions.create({ n: 1 });
    const first = await connect(setting, `/?token=${token}`);
    await connect(setting, `/?token=${token}`);
    const { code, reason } = await first.closed;
    // A handshake that a newer connection overtakes before its answer ends in the same way.
    const overtaken = await ending(await start(runtime, { store: failingStore("FENCED"), initial }));
    return overtaken === `${code} ${reason}` ? overtaken : `${overtaken}, but ${code} ${reason} later`;
  },
  "4401 session token refused": async (runtime) =>
    ending(await start(runtime, { ...resumable(), onBadToken: "close" }), undefined, BAD),
  "4401 session token missing": async (runtime) =>
    ending(await start(runtime, { ...resumable(), initial: undefined, onNoToken: "close" })),
  "4403 too many sessions of one subject": async (runtime) => {
    const maxSessionsPerSubject = { max: 1, over: "refuse" } as const;
    const setting = await start(runtime, { ...asAda, initial, maxSessionsPerSubject });
    await connect(setting);
    return ending(setting);
  },
  "4409 too many sessions of one subject": async (runtime) => {
    const setting = await start(runtime, { ...asAda, ...resumable(), maxSessionsPerSubject: 1 });
    return ending(setting, () => connect(setting));
  },
  "4409 too many connections of one session": async (runtime) => {
    const setting = await start(runtime, { ...resumable(), maxConnectionsPerSession: 1 });
    const { token } = await setting.sessions.create({ n: 1 });
    const first = await connect(setting, `/?token=${token}`);
    await connect(setting, `/?token=${token}`);
    const { code, reason } = await first.closed;
    return `${code} ${reason}`;
  },
  "4410 session destroyed": async (runtime) => {
    const setting = await start(runtime, resumable(), { message: (conn) => conn.session?.destroy() });
    return ending(setting, (client) => client.send("x"));
  },
  "4410 session gone": async (runtime) => {
    const store = mapStore();
    const setting = await start(runtime, { ...resumable(), store });
    return ending(setting, async () => {
      const { id = "" } = only(setting.sessions)?.session ?? {};
      // Directly in the store, without the library.
      await store.destroy(id, undefined, false);
      await setting.sessions.get(id);
    });
  },
  "4410 token stolen": async (runtime) => {
    const setting = await start(runtime, { ...resumable(), destroyOnTheft: true, graceMs: 1 });
    const { session, token } = await setting.sessions.create({ n: 1 });
    const client = await connect(setting, `/?token=${(await session.identify("ada")).token}`);
    await connect(setting, `/?token=${token}`);
    const { code, reason } = await client.closed;
    return `${code} ${reason}`;
  },
  "4413 too much before the session": async (runtime) =>
    flooded(await start(runtime, { early: { maxMessages: 2 } })),
  "4413 too much before open has settled": async (runtime) => {
    const gate = deferred();
    onTestFinished(() => gate.resolve());
    const options = { ...resumable(), early: { maxMessages: 2 } };
    return flooded(await start(runtime, options, { open: () => gate.promise }));
  },
  "4419 session expired": async (runtime) => ending(await start(runtime, { ...resumable(), absoluteMs: 60 })),
  "4503 store unavailable": async (runtime) => {
    const away = async () => {
      throw new SessionError("STORE_UNAVAILABLE", "planned", { outcome: "unknown" });
    };
    return ending(await start(runtime, { initial }, { message: away }), (client) => client.send("x"));
  },
};
