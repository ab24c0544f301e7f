/** The options of core's public functions, each with values of every wrong kind. */
import {
  accept,
  cookieToken,
  createSessions,
  inConnectionStore,
  mapStore,
  queryToken,
  reject,
} from "@wsession/core";
import { show, wrongFor, wrongTimes } from "./wrong-values.ts";

type Make = (options: never) => unknown;

/** The options of one function. */
export interface OptionTable {
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

export const coreTables: readonly OptionTable[] = [
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
];
