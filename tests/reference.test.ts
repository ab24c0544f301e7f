import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CloseCode } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { membersOf, source } from "./members.ts";

const root = join(import.meta.dirname, "..");

describe("docs/reference.md has a row for every", () => {
  test.each([
    ["option of createSessions", "createSessions(options)", "core/src/api/options.ts", "CommonOptions"],
    ["option admit", "createSessions(options)", "core/src/api/typed-options.ts", "AdmitOption"],
    ["option initial", "createSessions(options)", "core/src/api/typed-options.ts", "InitialOption"],
    ["option transport", "createSessions(options)", "core/src/api/typed-options.ts", "TransportOption"],
    ["option schema", "createSessions(options)", "core/src/api/typed-options.ts", "SchemaOption"],
    ["option onNoToken", "createSessions(options)", "core/src/api/typed-options.ts", "NoTokenOption"],
    ["member of Sessions", "Sessions", "core/src/api/sessions.ts", "Sessions"],
    ["option of close", "Sessions", "core/src/api/runtime.ts", "CloseOptions"],
    ["member of Session", "Session", "core/src/api/contract.ts", "Session"],
    ["member of Connection", "Connection", "core/src/api/contract.ts", "Connection"],
    ["handler", "Handlers", "core/src/api/handlers.ts", "Handlers"],
    ["member of Transaction", "Transactions", "core/src/api/transaction.ts", "Transaction"],
    ["member of Handshake", "Handshake", "core/src/handshake/handshake.ts", "Handshake"],
    ["option of cookieToken", "Token carriers", "core/src/handshake/carriers.ts", "CookieOptions"],
    ["member of a carrier", "Token carriers", "core/src/handshake/carriers.ts", "TokenCarrier"],
    ["option of bindSessions", "bindSessions for ws", "adapter-ws/src/bind-options.ts", "BindOptions"],
    [
      "option of bindSessions",
      "bindSessions for uWebSockets.js",
      "adapter-uws/src/bind-options.ts",
      "BindOptions",
    ],
    ["option of bindSessions", "bindSessions for Bun", "adapter-bun/src/bind-options.ts", "BindOptions"],
    ["option of mapStore", "Stores", "core/src/store/map-options.ts", "MapStoreOptions"],
    ["option of redisStore", "Stores", "store-redis/src/base/options.ts", "RedisStoreOptions"],
    ["member of the inspection", "Inspection", "store-redis/src/inspection/contract.ts", "RedisInspection"],
    ["member of Messages", "Typed messages", "protocol/src/messages/types.ts", "Messages"],
    ["member of a typed client", "Typed messages", "protocol/src/messages/types.ts", "MessageClient"],
    ["option of connect", "Client", "client/src/contract.ts", "ClientOptions"],
    ["member of a client", "Client", "client/src/contract.ts", "Client"],
    ["event of a client", "Client", "client/src/contract.ts", "ClientEvents"],
    ["option of httpSessions", "httpSessions", "http/src/contract.ts", "HttpSessionsOptions"],
    ["option of login", "httpSessions", "http/src/contract.ts", "LoginOptions"],
    [
      "option of fromExpressSession",
      "httpSessions",
      "http/src/express-session/readers.ts",
      "SessionReaderOptions",
    ],
    ["option of fromAuthJs", "httpSessions", "http/src/auth-js.ts", "AuthJsOptions"],
    ["member of HttpSessions", "httpSessions", "http/src/contract.ts", "HttpSessions"],
    ["counter", "Diagnostics", "core/src/base/diagnostics.ts", "Diagnostics"],
    ["counter of redisStore", "Diagnostics", "store-redis/src/base/diagnostics.ts", "RedisDiagnostics"],
    ["member of the health", "Health", "core/src/api/health.ts", "Health"],
    ["member of the store's health", "Health", "core/src/store/health-contract.ts", "StoreHealth"],
  ])("%s", async (_what, section, file, type) => {
    expect(missing(await rowsOf(section), await membersOf(file, type))).toEqual([]);
  });

  test("limit of early and inbox", async () => {
    const limits = [
      ...(await membersOf("core/src/api/options.ts", "EarlyLimits")).map((name) => `early.${name}`),
      ...(await membersOf("core/src/api/options.ts", "InboxLimits")).map((name) => `inbox.${name}`),
      ...(await membersOf("core/src/api/outbox-limits.ts", "OutboxLimits")).map((name) => `outbox.${name}`),
    ];
    expect(missing(await rowsOf("createSessions(options)"), limits)).toEqual([]);
  });

  test("SessionErrorCode", async () => {
    const [, union = ""] =
      /type SessionErrorCode =(.*?);$/ms.exec(await source("core/src/base/errors.ts")) ?? [];
    const codes = [...union.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code = ""]) => code);
    expect(codes).toContain("SESSION_GONE");
    expect(missing(await rowsOf("Error codes"), codes)).toEqual([]);
  });

  test("ClientErrorCode", async () => {
    const [, union = ""] =
      /type ClientErrorCode =(.*?);$/ms.exec(await source("client/src/client-error.ts")) ?? [];
    const codes = [...union.matchAll(/^ {2}\| "(\w+)"/gm)].map(([, code = ""]) => code);
    expect(codes).toContain("SESSION_LOST");
    expect(missing(await rowsOf("Client"), codes)).toEqual([]);
  });

  test("close code, with its name", async () => {
    const rows = await rowsOf("Close codes");
    for (const [name, code] of Object.entries(CloseCode))
      expect(rows.find((cells) => cells.includes(`${code}`))).toContain(name);
  });
});

test("a name that has no row in its own section is found", async () => {
  const rows = await rowsOf("Session");
  // The first is in another section, the second only in another row's text.
  expect(missing(rows, ["update", "setSession", "fields", "planted"])).toEqual([
    "setSession",
    "fields",
    "planted",
  ]);
});

/** The names without a row. */
function missing(rows: readonly (readonly string[])[], names: readonly string[]): string[] {
  const known = new Set(rows.flat());
  return names.filter((name) => !known.has(name));
}

/** The names that the rows of a section's tables describe: each cell that is one name, without an argument list. */
async function rowsOf(section: string): Promise<string[][]> {
  const page = await readFile(join(root, "docs/reference.md"), "utf8");
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  if (text === undefined) throw new Error(`the reference has no section ${section}`);
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    [...row.matchAll(/\| `([\w.]+)(?:\([^`]*\))?`(?= \|)/g)].map(([, name = ""]) => name),
  );
}
