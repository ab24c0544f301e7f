/** Each reason to close a connection or to refuse a handshake, brought about over real sockets. */
import { deferred, frame, RawClient, until } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import {
  accept,
  createSessions,
  inConnectionStore,
  isSessionError,
  mapStore,
  queryToken,
  reject,
  SessionError,
} from "@wsession/core";
import type { Handlers, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import { onTestFinished } from "vitest";
import { connect, serve } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";

type Data = { readonly n: number };
type Own = Sessions<Data>;
type OwnHandlers = Handlers<Data>;

interface Setting {
  readonly sessions: Own;
  readonly port: number;
  readonly errors: string[];
}

/** Without `initial` the type of `session` includes undefined. */
async function start(
  runtime: RuntimeName,
  options: SessionsOptions<Data> = {},
  handlers: OwnHandlers = {},
): Promise<Setting> {
  const errors: string[] = [];
  const onError = (error: unknown) => void errors.push(isSessionError(error) ? error.code : String(error));
  const sessions = createSessions<Data>({ onError, ...options } as SessionsOptions<Data> & {
    initial: undefined;
  });
  const { port } = await serve(runtime, sessions, handlers);
  return { sessions, port, errors };
}

const initial = (): Data => ({ n: 0 });
const fail = (): never => {
  throw new Error("planned");
};
const asAda: SessionsOptions<Data> = { admit: () => accept({ subject: "ada" }) };
const resumable = (): SessionsOptions<Data> => ({ store: mapStore(), token: queryToken(), initial });

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

/** The status and the body of a refusal. */
async function refusal(
  setting: Setting,
  path = "/",
  headers: readonly (readonly [string, string])[] = [],
): Promise<string> {
  const raw = new RawClient(setting.port);
  onTestFinished(() => raw.destroy());
  raw.upgrade({ path, headers });
  const { status, body } = await raw.refusal;
  return `${status} ${body}`;
}

/** A store that rejects a new session with this code. */
function failingStore(code: "STORE_UNAVAILABLE" | "REVOKED" | "FENCED" | "CORRUPT_RECORD"): SessionStore {
  const store: SessionStore = mapStore();
  const refuse = async (): Promise<never> => {
    throw new SessionError(code, "planned", { outcome: "not-applied" });
  };
  store.create = refuse;
  store.resume = refuse;
  return store;
}

const BAD = `/?token=${"A".repeat(22)}.${"A".repeat(43)}`;

/** By the status and the body. */
export const refusals: Readonly<Record<string, (runtime: RuntimeName) => Promise<string>>> = {
  "404 Not Found": async (runtime) => refusal(await start(runtime, { admit: () => reject(404) })),
  "418 short and stout": async (runtime) =>
    refusal(await start(runtime, { admit: () => reject(418, "short and stout") })),
  "401 session token refused": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), onBadToken: "refuse" }), BAD),
  "401 session token missing": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), initial: undefined, onNoToken: "refuse" })),
  "401 sessions revoked": async (runtime) => {
    const gate = deferred<Data>();
    const asked = deferred();
    const setting = await start(runtime, {
      store: mapStore(),
      admit: () => accept({ subject: "ada" }),
      initial: () => (asked.resolve(), gate.promise),
    });
    const refused = refusal(setting);
    await asked.promise;
    await setting.sessions.destroySubject("ada");
    gate.resolve({ n: 0 });
    return refused;
  },
  "403 origin not allowed": async (runtime) =>
    refusal(await start(runtime, { origins: ["https://example.com"] }), "/", [
      ["origin", "https://evil.example"],
    ]),
  "500 internal error": async (runtime) => {
    const bodies = new Set<string>();
    for (const options of [
      { admit: fail },
      { initial: fail },
      { transport: fail },
      { origins: fail },
    ] as const) {
      const setting = await start(runtime, options);
      bodies.add(await refusal(setting));
      if (setting.errors.length !== 1) throw new Error("a 500 that onError was not told of");
    }
    return [...bodies].join();
  },
  "503 session store unavailable": async (runtime) =>
    refusal(await start(runtime, { store: failingStore("STORE_UNAVAILABLE"), initial })),
  "503 session can't be read": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), store: failingStore("CORRUPT_RECORD") }), BAD),
  "403 too many sessions of one subject": async (runtime) => {
    const maxSessionsPerSubject = { max: 1, over: "refuse" } as const;
    const setting = await start(runtime, { ...asAda, ...resumable(), maxSessionsPerSubject });
    await connect(setting);
    return refusal(setting);
  },
  "503 too many sessions": async (runtime) => {
    const setting = await start(runtime, { store: mapStore({ maxSessions: 1 }), initial });
    await connect(setting);
    return refusal(setting);
  },
  "503 too many handshakes": async (runtime) => {
    const gate = deferred<Data>();
    onTestFinished(() => gate.resolve({ n: 0 }));
    const setting = await start(runtime, { maxPendingHandshakes: 1, initial: () => gate.promise });
    const waiting = new RawClient(setting.port);
    onTestFinished(() => waiting.destroy());
    waiting.upgrade();
    await until(() => setting.sessions.diagnostics.handshakesPending === 1);
    return refusal(setting);
  },
  "503 admission took too long": async (runtime) =>
    refusal(await start(runtime, { handshakeTimeoutMs: 20, admit: () => deferred<never>().promise })),
  "503 server restarting": async (runtime) => {
    const asked = deferred();
    const setting = await start(runtime, { admit: () => (asked.resolve(), deferred<never>().promise) });
    const refused = refusal(setting);
    await asked.promise;
    void setting.sessions.close();
    return refused;
  },
};

/** A client that breaks the protocol, and the code that the application's `close` handler gets. */
export const broken: Readonly<Record<string, (runtime: RuntimeName) => Promise<number>>> = {
  "1002 a frame with a reserved opcode": (runtime) => breaking(runtime, frame("x", { opcode: 3 })),
  "1007 text that is not UTF-8": (runtime) => breaking(runtime, frame(Buffer.from([0xff]), { opcode: 1 })),
  "1009 a message over the runtime's limit": (runtime) =>
    // 2 ** 40 bytes are announced.
    breaking(runtime, Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  "1006 a connection that ends without a close frame": (runtime) => breaking(runtime, undefined),
  "1005 a close frame without a code": (runtime) => breaking(runtime, frame("", { opcode: 8 })),
};

async function breaking(runtime: RuntimeName, bytes: Buffer | undefined): Promise<number> {
  const ended = deferred<number>();
  const setting = await start(runtime, { initial }, { close: (_, { code }) => ended.resolve(code) });
  const raw = new RawClient(setting.port);
  onTestFinished(() => raw.destroy());
  raw.upgrade();
  await raw.response;
  if (bytes === undefined) raw.destroy();
  else raw.write(bytes);
  return ended.promise;
}
