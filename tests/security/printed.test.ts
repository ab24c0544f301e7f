/** A program may print a connection or a session, and the print goes to a log. */
import { asWebSocket } from "@wsession/adapter-ws";
import type { ClientOptions } from "@wsession/conformance";
import { cookieToken, createSessions, mapStore, protocolToken, queryToken } from "@wsession/core";
import type { Connection, TokenCarrier } from "@wsession/core";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { connect, runtimeNames, serve } from "../runtimes.ts";

/** Each carrier, and the options of a client that presents a token to it. */
const carriers: readonly (readonly [
  name: string,
  carrier: TokenCarrier,
  present: (token: string) => { readonly path?: string; readonly options?: ClientOptions },
])[] = [
  [
    "cookieToken",
    cookieToken(),
    (token) => ({ options: { headers: { cookie: `__Host-wsession=${token}` } } }),
  ],
  ["protocolToken", protocolToken(), (token) => ({ options: { protocols: ["app", `wsession.${token}`] } })],
  ["queryToken", queryToken(), (token) => ({ path: `/?token=${token}` })],
];

describe.each(runtimeNames)("on %s,", (runtime) => {
  test.each(carriers)(
    "no print of a connection or a session shows the token of %s",
    async (_, token, present) => {
      const opened: Connection<{ n: number }>[] = [];
      const waiting: (() => void)[] = [];
      const sessions = createSessions({ store: mapStore(), token, initial: () => ({ n: 0 }) });
      const { port } = await serve(runtime, sessions, {
        open(connection) {
          opened.push(connection);
          for (const wake of waiting.splice(0)) wake();
        },
      });
      const next = async (path = "/", options: ClientOptions = {}) => {
        const isOpen = new Promise<void>((resolve) => waiting.push(resolve));
        await connect({ port }, path, options);
        await isOpen;
        return opened.at(-1) ?? expect.fail("no connection");
      };
      const first = await next();
      const rotated = await first.session?.rotate();
      const last = rotated?.token ?? expect.fail("no token");
      const { path, options } = present(last);
      const second = await next(path, options);
      expect(second.resumed).toBe(true);

      const secrets = [first.token ?? last, last].map((secret) => secret.split(".")[1] ?? "");
      for (const [name, value] of Object.entries({
        sessions,
        first,
        second,
        session: second.session,
        socket: asWebSocket(second),
      })) {
        const printed = [
          inspect(value),
          inspect(value, { depth: 6, showHidden: true, maxArrayLength: null }),
        ];
        for (const text of printed)
          for (const secret of secrets) expect(text.includes(secret), `a print of ${name}`).toBe(false);
      }
      for (const text of opened.map((connection) => JSON.stringify(Object.entries(connection), shallow)))
        for (const secret of secrets) expect(text.includes(secret), "JSON of a connection").toBe(false);
    },
  );
});

/** The primitive members alone, because the objects of a runtime have cycles. */
function shallow(key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? key : value;
}
