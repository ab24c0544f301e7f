/** What `asWebSocket` promises of the end of a socket, and of a listener that fails. */
import { macrotask, until } from "@wsession/conformance";
import type { AdapterCase } from "@wsession/conformance";
import { expect } from "vitest";
import { listen, serve } from "./setup.ts";
import type { AsWebSocket } from "./setup.ts";

export function endingCases(asSocket: AsWebSocket): readonly AdapterCase[] {
  return [
    {
      name: "I4 the socket's close is its last event, after the peer's messages and before the handler close",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            listen(asSocket(connection), log);
            await connection.setSession({ name: "ada" });
          },
          close: (connection, { code }) => {
            const { readyState, CLOSED } = asSocket(connection);
            log.note(`handler ${code} ${readyState === CLOSED}`);
          },
        }));
        const client = await trial.connect(server);
        client.send("one");
        client.send("two");
        client.socket.close(4001, "bye");
        await journal.until(4);
        expect(journal.entries).toEqual(["text one", "text two", "close 4001 bye", "handler 4001 true"]);
      },
    },
    {
      name: "I4 no message reaches the socket after it began to close, and its close comes once",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            listen(socket, log);
            socket.once("message", () => {
              socket.close(4002, "enough");
              log.note(`closing ${socket.readyState === socket.CLOSING}`);
              socket.close(4003, "again");
            });
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        for (const text of ["one", "two", "three"]) client.send(text);
        expect(await client.closed).toEqual({ code: 4002, reason: "enough" });
        await journal.until((entry) => entry.startsWith("close "));
        expect(journal.entries).toEqual(["text one", "closing true", "close 4002 enough"]);
      },
    },
    {
      name: "I12 a listener that throws, and one whose promise rejects, ends its connection with 1011 and reaches onError",
      async run(trial) {
        const { server, errors } = await serve(trial, () => ({
          async open(connection) {
            const socket = asSocket(connection);
            // oxlint-disable-next-line typescript/no-misused-promises -- what libraries do
            socket.on("message", async (data) => {
              if (String(data) === "later") {
                await macrotask();
                throw new Error("rejected");
              }
            });
            socket.on("message", (data) => {
              if (String(data) === "now") throw new Error("thrown");
            });
            await connection.setSession({ name: "ada" });
          },
        }));
        for (const [text, message] of [
          ["now", "thrown"],
          ["later", "rejected"],
        ] as const) {
          const client = await trial.connect(server);
          client.send(text);
          expect((await client.closed).code).toBe(1011);
          await until(() => errors.length > 0);
          expect(errors.splice(0)).toEqual([expect.objectContaining({ message })]);
        }
      },
    },
  ];
}
