import {
  cookieToken,
  createSessions,
  inConnectionStore,
  mapStore,
  protocolToken,
  queryToken,
} from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { resolveOptions } from "../src/api/resolve-options.ts";
import { memoryRuntime } from "./memory-runtime.ts";

describe("createSessions", () => {
  const senseless: readonly (SessionsOptions<object> & { readonly initial?: undefined })[] = [
    { idleMs: 0 },
    { idleMs: -1 },
    { absoluteMs: NaN },
    { expiringMs: 0 },
    { early: { maxMessages: 0 } },
    { early: { maxBytes: NaN } },
    { early: { timeoutMs: -1 } },
    { inbox: { maxMessages: 0 } },
    { maxBufferedBytes: 0 },
    { maxPendingHandshakes: 0 },
    { maxConnectionsPerSession: 0 },
    { heartbeatMs: -1 },
    { heartbeatMs: 0, heartbeatTimeoutMs: 1_000 },
    { heartbeatMs: 1_000, heartbeatTimeoutMs: 999 },
    { handlerTimeoutMs: 0 },
    { graceMs: 0 },
    { token: queryToken() },
    { schemaVersion: 1.5 },
    { schemaVersion: -1 },
    { schemaVersion: 1_000_000_000_000_000 },
    { gate: "closed" as "open" },
    { onBadToken: "ignore" as "fresh" },
    { onNoToken: "ignore" as "fresh" },
    { onCorruptRecord: "delete" as "fresh" },
  ];

  test.each(senseless)("throws INVALID_ARGUMENT at once for %o", (options) => {
    expect(() => createSessions(options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test.each([
    { store: mapStore as never },
    { store: {} as never },
    { store: Object.assign(mapStore(), { health: true }) as never },
    { store: Object.assign(mapStore(), { commit: {} }) as never },
    { token: queryToken as never },
    { token: "token" as never },
    { admit: {} as never },
    { schema: () => true } as never,
  ])(
    "throws INVALID_ARGUMENT at once for an option of another type, from plain JavaScript: %o",
    (options) => {
      expect(() => createSessions(options)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );

  test.each([
    [() => createSessions({ orgins: ["https://example.com"] } as never), '"orgins"'],
    [() => createSessions({ early: { maxMessage: 10 } as never }), '"maxMessage"'],
    [() => createSessions({ inbox: { maxByte: 10 } as never }), '"maxByte"'],
    [() => mapStore({ maxSession: 10 } as never), '"maxSession"'],
    [() => cookieToken({ samesite: "Strict" } as never), '"samesite"'],
    [() => queryToken({ param: "t" } as never), '"param"'],
    [() => protocolToken({ prefx: "t" } as never), '"prefx"'],
  ])("names a misspelt option in an INVALID_ARGUMENT: %s", (make, name) => {
    expect(make).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) }),
    );
  });

  test("bind throws INVALID_ARGUMENT for handlers that are not functions, and for unknown names", () => {
    const sessions = createSessions({});
    for (const handlers of [null, "message", { message: "text" }, { mesage: () => 1 }] as never[])
      expect(() => sessions.bind(memoryRuntime, handlers)).toThrow(
        expect.objectContaining({ code: "INVALID_ARGUMENT" }),
      );
  });

  test.each([inConnectionStore, mapStore])(
    "throws INVALID_ARGUMENT for a store that other sessions use: %o",
    (make) => {
      const store = make();
      createSessions({ store });
      expect(() => createSessions({ store })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    },
  );
});

describe("onNoToken", () => {
  const login = { store: mapStore(), token: cookieToken(), onNoToken: "refuse" } as const;

  test("refuses bad tokens as it refuses missing ones, unless onBadToken says how", () => {
    expect(resolveOptions(login).onBadToken).toBe("refuse");
    expect(resolveOptions({ ...login, onNoToken: "close" }).onBadToken).toBe("close");
    expect(resolveOptions({ ...login, onBadToken: "close" })).toMatchObject({
      onNoToken: "refuse",
      onBadToken: "close",
    });
    expect(resolveOptions({})).toMatchObject({ onNoToken: "fresh", onBadToken: "fresh" });
  });

  test.each<[string, SessionsOptions<object>]>([
    ["token", { ...login, token: undefined }],
    ["initial", { ...login, initial: () => ({}) }],
    ["onBadToken", { ...login, onBadToken: "fresh" }],
    ["onCorruptRecord", { ...login, onCorruptRecord: "fresh" }],
    ["onBadToken", { ...login, onNoToken: "close", onBadToken: "fresh" }],
  ])("excludes what would let a client in without a login, and names it: %s", (name, options) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) }),
    );
  });
});

describe("defaults", () => {
  test("sessions that outlive their connections have deadlines, and sessions in the connection have none", () => {
    expect(resolveOptions({ store: mapStore() })).toMatchObject({
      idleMs: 30 * 60_000,
      absoluteMs: 24 * 3_600_000,
    });
    expect(resolveOptions({})).toMatchObject({ idleMs: Infinity, absoluteMs: Infinity });
    expect(resolveOptions({}).store.capabilities.resumable).toBe(false);
  });

  test("0 turns off heartbeats and the time limit for early messages", () => {
    expect(resolveOptions({ heartbeatMs: 0, early: { timeoutMs: 0 } })).toMatchObject({
      heartbeatMs: 0,
      early: { timeoutMs: Infinity, maxMessages: 1_024 },
    });
  });
});
