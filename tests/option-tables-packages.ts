/** The options of the public functions of the other packages, each with values of every wrong kind. */
import { bindSessions as bindBun } from "@wsession/adapter-bun";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { runStoreCase } from "@wsession/conformance";
import { cookieToken, createSessions, mapStore, queryToken } from "@wsession/core";
import { fromAuthJs, fromExpressSession, fromFastifySession, httpSessions } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { expect } from "vitest";
import type { OptionTable } from "./option-tables.ts";
import { wrongFor, wrongTimes } from "./wrong-values.ts";

/** It never connects. */
export const client = new Redis({ lazyConnect: true });
export const uws = (options: unknown): unknown =>
  bindUws(uWS.App(), "/*", createSessions({}), {}, options as Parameters<typeof bindUws>[4]);

/** Of a store that is never opened. */
const storeHarness = {
  open: () => expect.fail("opened"),
  tickMs: 1,
  capabilities: { resumable: true, shared: true, values: "any" },
} as const;

const readers = [
  ["fromExpressSession", (options: never) => fromExpressSession(options)],
  ["fromFastifySession", (options: never) => fromFastifySession(options)],
] as const;

export const packageTables: readonly OptionTable[] = [
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
    make: (options) => runStoreCase({ name: "none", run: async () => undefined }, storeHarness, options),
    options: { timeoutMs: wrongFor.duration },
  },
];
