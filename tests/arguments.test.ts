/** Every option of every public function, with a value of every wrong kind. */
import { bindSessions as bindBun } from "@wsession/adapter-bun";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { runStoreCase } from "@wsession/conformance";
import {
  accept,
  cookieToken,
  createSessions,
  inConnectionStore,
  mapStore,
  protocolToken,
  queryToken,
  reject,
} from "@wsession/core";
import { fromAuthJs, fromExpressSession, fromFastifySession, httpSessions } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { afterAll, describe, expect, test } from "vitest";
import { expectRefused, membersOf, show, wrongFor, wrongTimes } from "./wrong-values.ts";

type Make = (options: never) => unknown;

interface OptionTable {
  readonly what: string;
  /** Where the options are declared. */
  readonly from: readonly [file: string, type: string];
  /** Further interfaces of the same options. */
  readonly also?: readonly (readonly [file: string, type: string])[];
  readonly make: Make;
  /** What else is required. */
  readonly basis?: object;
  readonly options: Readonly<Record<string, readonly unknown[]>>;
}

const client = new Redis({ lazyConnect: true });
afterAll(() => client.disconnect());
const uws = (options: unknown): unknown =>
  bindUws(uWS.App(), "/*", createSessions({}), {}, options as Parameters<typeof bindUws>[4]);

const withoutMethod = { ...inConnectionStore(), rotate: undefined };
const withoutCapability = { ...inConnectionStore(), capabilities: { resumable: "false" } };

const wrongHeaders: readonly object[] = [
  ...wrongFor.string.filter((value) => !Array.isArray(value)).map((value) => ({ "x-a": value })),
  ...wrongFor.string.map((value) => ({ "x-a": ["1", value] })),
  { "x a": "1" },
  { "": "1" },
  { "x-a": "1\r\nx-b: 2" },
  { "x-a": ["1", "2\n"] },
  // Headers of the connection and of the handshake, which the runtime sends.
  ...["Connection", "upgrade", "Keep-Alive", "transfer-encoding", "Content-Length", "TE", "trailer"].map(
    (name) => ({ [name]: "1" }),
  ),
  ...["Sec-WebSocket-Accept", "sec-websocket-protocol", "sec-websocket-extensions"].map((name) => ({
    [name]: ["1"],
  })),
];

const typedOptions = ["AdmitOption", "InitialOption", "TransportOption", "SchemaOption", "NoTokenOption"].map(
  (type) => ["core/src/api/typed-options.ts", type] as const,
);

const readers = [
  ["fromExpressSession", (options: never) => fromExpressSession(options)],
  ["fromFastifySession", (options: never) => fromFastifySession(options)],
] as const;

const tables: readonly OptionTable[] = [
  {
    what: "createSessions",
    from: ["core/src/api/options.ts", "CommonOptions"],
    also: typedOptions,
    make: (options) => createSessions(options),
    options: {
      store: [...wrongFor.object, mapStore, withoutMethod, withoutCapability],
      admit: wrongFor.callback,
      initial: wrongFor.callback,
      transport: wrongFor.callback,
      gate: wrongFor.word,
      idleMs: wrongFor.duration,
      idleFrom: wrongFor.word,
      absoluteMs: wrongFor.duration,
      expiringMs: wrongFor.duration,
      early: wrongFor.options,
      inbox: wrongFor.options,
      outbox: [
        ...wrongFor.options,
        ...wrongFor.count.map((maxMessages) => ({ maxMessages })),
        ...wrongFor.count.map((maxBytes) => ({ maxBytes })),
        ...wrongFor.duration.map((maxAgeMs) => ({ maxAgeMs })),
        ...wrongFor.word.map((whenFull) => ({ whenFull })),
      ],
      maxConcurrentMessages: wrongFor.count,
      maxBufferedBytes: wrongFor.count,
      maxPendingHandshakes: wrongFor.count,
      handshakeTimeoutMs: wrongFor.durationOrNever,
      maxConnectionsPerSession: wrongFor.count,
      heartbeatMs: wrongFor.durationOrNever,
      heartbeatTimeoutMs: [...wrongFor.duration, 29_999],
      handlerTimeoutMs: wrongFor.duration,
      exclusive: [...wrongFor.boolean, "user"],
      maxSessionsPerSubject: [
        ...wrongFor.count.filter((value) => show(value) !== "[object Object]"),
        { max: 0 },
      ],
      leaveAfterMs: wrongFor.duration,
      events: [...wrongFor.options, { left: "x" }, { expired: 5 }, { destroyed: null }],
      origins: [null, "https://example.com", 5, {}, [5], [null], new Set(["https://example.com"])],
      token: [...wrongFor.object, cookieToken, { read: "x" }, { ...queryToken(), write: 5 }],
      onBadToken: wrongFor.word,
      onNoToken: [...wrongFor.word, "refuse"],
      onCorruptRecord: wrongFor.word,
      graceMs: wrongFor.duration,
      destroyOnTheft: wrongFor.boolean,
      schema: [...wrongFor.object, { "~standard": { validate: 5 } }],
      schemaVersion: [...wrongFor.count.filter((value) => value !== 0), 1.5, 1e15, Infinity],
      migrate: wrongFor.callback,
      onError: wrongFor.callback,
    },
  },
  {
    what: "early",
    from: ["core/src/api/options.ts", "EarlyLimits"],
    make: (early) => createSessions({ early }),
    options: {
      maxMessages: wrongFor.count,
      maxBytes: wrongFor.count,
      timeoutMs: wrongFor.durationOrNever,
    },
  },
  {
    what: "inbox",
    from: ["core/src/api/options.ts", "InboxLimits"],
    make: (inbox) => createSessions({ inbox }),
    options: { maxMessages: wrongFor.count, maxBytes: wrongFor.count },
  },
  {
    what: "maxSessionsPerSubject",
    from: ["core/src/api/subject-limit-option.ts", "SubjectLimitOption"],
    // A number is right in place of the object: the table of createSessions has the wrong numbers.
    make: (limit) =>
      createSessions({ maxSessionsPerSubject: typeof limit === "number" ? null : limit } as never),
    basis: { max: 1 },
    options: { max: wrongFor.count, over: wrongFor.word },
  },
  {
    what: "accept",
    from: ["core/src/handshake/handshake.ts", "AcceptOptions"],
    also: [["core/src/base/lifetimes.ts", "Lifetimes"]],
    make: (options) => accept(options),
    options: {
      subject: wrongFor.subject,
      sessionId: wrongFor.string,
      idleMs: wrongFor.duration,
      absoluteMs: wrongFor.duration,
      expiresAt: wrongTimes,
      headers: [
        ...wrongFor.options.filter((value) => show(value) !== "[object Object]"),
        new Headers({ "x-a": "1" }),
        ...wrongHeaders,
      ],
    },
  },
  {
    what: "reject",
    from: ["core/src/handshake/handshake.ts", "RejectOptions"],
    make: (options) => reject(401, "no", options),
    options: {
      headers: [
        ...wrongFor.options.filter((value) => show(value) !== "[object Object]"),
        new Headers({ "x-a": "1" }),
        ...wrongHeaders,
        { "content-type": "text/html" },
      ],
    },
  },
  {
    what: "cookieToken",
    from: ["core/src/handshake/carriers.ts", "CookieOptions"],
    make: (options) => cookieToken(options),
    options: {
      name: [...wrongFor.text, "a b", "a;b", "x".repeat(4_031)],
      domain: [
        ...wrongFor.text,
        ".example.com",
        "example.com.",
        "a b",
        "a;b",
        "ü.example",
        "-a.example",
        "[::1]",
      ],
      path: [...wrongFor.text, "app", "/a b", "/a;b", "/a\r\nb", "/ü", `/${"a".repeat(1_024)}`],
      partitioned: wrongFor.boolean,
      sameSite: [...wrongFor.word, "bogus", "strict"],
      secure: wrongFor.boolean,
      renewalParameter: wrongFor.text,
    },
  },
  {
    what: "mapStore",
    from: ["core/src/store/map-options.ts", "MapStoreOptions"],
    make: (options) => mapStore(options),
    options: {
      maxSessions: wrongFor.count,
      outbox: [...wrongFor.options, ...wrongFor.count.map((maxTotalBytes) => ({ maxTotalBytes }))],
    },
  },
  {
    what: "redisStore",
    from: ["store-redis/src/base/options.ts", "RedisStoreOptions"],
    make: (options) => redisStore(options),
    basis: { client },
    options: {
      client: [...wrongFor.object, Redis],
      prefix: [...wrongFor.text, "a b", "x".repeat(65)],
      timeoutMs: [...wrongFor.count, 1.5, Infinity],
      maxBytes: [...wrongFor.count, 1.5, Infinity],
      leaseMs: [...wrongFor.count, 1.5, Infinity],
      sweepMs: [...wrongFor.count, 1.5, Infinity],
      confirmMs: [...wrongFor.count, 1.5, Infinity],
      allowEviction: wrongFor.boolean,
      node: [...wrongFor.text, "a b", "a~b", "a=b", "a".repeat(65)],
      onError: wrongFor.callback,
    },
  },
  {
    what: "bindSessions for uWebSockets.js",
    from: ["adapter-uws/src/bind-options.ts", "BindOptions"],
    make: uws,
    options: {
      behavior: [...wrongFor.options, { message: () => 1 }],
      handleProtocols: wrongFor.callback,
      found: wrongFor.callback,
      binary: wrongFor.word,
      encrypted: wrongFor.boolean,
    },
  },
  {
    what: "bindSessions for Bun",
    from: ["adapter-bun/src/bind-options.ts", "BindOptions"],
    make: (options) => bindBun(createSessions({}), {}, options),
    options: {
      websocket: [
        ...wrongFor.options,
        { message: () => 1 },
        { sendPings: true },
        { idleTimeout: 7 },
        { idleTimeout: 961 },
        { maxPayloadLength: "1" },
        { backpressureLimit: -1 },
        { closeOnBackpressureLimit: 1 },
        { publishToSelf: "yes" },
        { perMessageDeflate: 1 },
        { perMessageDeflate: { window: 1 } },
      ],
      handleProtocols: wrongFor.callback,
      found: wrongFor.callback,
      encrypted: wrongFor.boolean,
    },
  },
  {
    what: "close",
    from: ["core/src/api/runtime.ts", "CloseOptions"],
    make: (options) => createSessions({}).close(options),
    options: {
      code: [...wrongFor.object, 999, 1005, 1006, 1015, 5000, 1000.5, "1000"],
      reason: [...wrongFor.string, "x".repeat(124)],
      drainMs: [...wrongFor.durationOrNever, Infinity],
      handover: wrongFor.boolean,
    },
  },
  {
    what: "httpSessions",
    from: ["http/src/contract.ts", "HttpSessionsOptions"],
    make: (options) => httpSessions(createSessions({}), options),
    basis: { cookie: cookieToken() },
    options: {
      cookie: [...wrongFor.object, cookieToken, { read: "x" }, { ...cookieToken(), write: 5 }, queryToken()],
      origins: [null, "https://example.com", 5, {}, [5], [null], new Set(["https://example.com"])],
    },
  },
  {
    what: "login",
    from: ["http/src/contract.ts", "LoginOptions"],
    also: [["core/src/base/lifetimes.ts", "Lifetimes"]],
    make: (options) =>
      httpSessions(createSessions({ store: mapStore() }), { cookie: cookieToken() }).login(
        { headers: {} },
        new Headers(),
        {},
        options,
      ),
    basis: { subject: "ada" },
    options: {
      subject: wrongFor.subject,
      checkOrigin: wrongFor.boolean,
      idleMs: wrongFor.duration,
      absoluteMs: wrongFor.duration,
      expiresAt: wrongTimes,
    },
  },
  {
    what: "fromAuthJs",
    from: ["http/src/auth-js.ts", "AuthJsOptions"],
    make: (options) => fromAuthJs(options),
    basis: { adapter: { getSessionAndUser: () => null } },
    options: { adapter: wrongFor.object, name: wrongFor.text },
  },
  ...readers.map(([what, make]): OptionTable => ({
    what,
    from: ["http/src/express-session/readers.ts", "SessionReaderOptions"],
    make,
    basis: { store: { get: () => undefined }, secret: "secret" },
    options: {
      // A Map has a method `get`.
      store: wrongFor.object.filter((value) => !(value instanceof Map)),
      secret: [...wrongFor.text.filter((value) => !Array.isArray(value)), [], ["", "x"], [5]],
      name: wrongFor.text,
      prefix: wrongFor.string,
    },
  })),
  {
    what: "runStoreCase",
    from: ["conformance/src/check-harness.ts", "RunOptions"],
    make: (options) => runStoreCase({ name: "none", run: async () => undefined }, {} as never, options),
    options: { timeoutMs: wrongFor.duration },
  },
];

describe.each(tables)("fault D6: $what", ({ what, from, also = [], make, basis = {}, options }) => {
  test("has every option in this table", async () => {
    const declared = await Promise.all([from, ...also].map(([file, type]) => membersOf(file, type)));
    expect(Object.keys(options).toSorted()).toEqual(declared.flat().toSorted());
  });

  test.each(Object.entries(options))("throws INVALID_ARGUMENT for wrong values of %s", (name, wrong) => {
    for (const value of wrong)
      expectRefused(`${what}({ ${name}: ${show(value)} })`, () => make({ ...basis, [name]: value } as never));
  });

  test("throws INVALID_ARGUMENT for options that are not an object, for an unknown name and for null", () => {
    for (const value of wrongFor.options)
      expectRefused(`${what}(${show(value)})`, () => make(value as never));
  });

  test("accepts options without a prototype and of a class, and passes on an error of a getter", () => {
    const [name = ""] = Object.keys(options);
    const failing = { ...basis };
    Object.defineProperty(failing, name, {
      enumerable: true,
      get() {
        throw new RangeError("a getter");
      },
    });
    expect(() => make(failing as never)).toThrow(RangeError);
  });
});

test("fault D6: `behavior` of uWebSockets.js is checked too, because the runtime ends the process for some wrong values", async () => {
  const wrong: Record<string, readonly unknown[]> = {
    maxPayloadLength: [...wrongFor.count.filter((value) => value !== 0), 1.5, Infinity, 2 ** 32],
    maxLifetime: ["1", -1, 241, null],
    idleTimeout: ["8", 1, 7, 961, NaN, null],
    compression: ["0", -1, null],
    maxBackpressure: ["1", -1, Infinity, null],
    closeOnBackpressureLimit: wrongFor.boolean,
    upgrade: [() => 1],
  };
  for (const [name, values] of Object.entries(wrong))
    for (const value of values)
      expectRefused(`behavior.${name}: ${show(value)}`, () => uws({ behavior: { [name]: value } }));
});

test("options of a class, without a prototype, or with undefined members take effect", async () => {
  const bare: object = Object.assign(Object.create(null), { idleMs: 5 });
  class Options {
    idleMs = 5;
    store = undefined;
  }
  for (const options of [bare, new Options(), { idleMs: undefined }, undefined])
    expect(() => createSessions(options as never)).not.toThrow();
  for (const make of [cookieToken, queryToken, protocolToken, mapStore, accept] as const)
    expect(() => (make as (options?: object) => unknown)(Object.create(null))).not.toThrow();
});

test.each([
  ["queryToken", "parameter", (options: never) => queryToken(options), wrongFor.string],
  ["protocolToken", "prefix", (options: never) => protocolToken(options), [...wrongFor.text, "a b"]],
])("fault D6: %s throws INVALID_ARGUMENT for wrong values of %s", (what, name, make, wrong) => {
  for (const value of wrong) expectRefused(`${what}: ${show(value)}`, () => make({ [name]: value } as never));
  for (const value of wrongFor.options) expectRefused(`${what}(${show(value)})`, () => make(value as never));
});
