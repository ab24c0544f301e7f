/** What `asWebSocket` promises of `send`, `ping` and backpressure. */
import { isSessionError } from "@wsession/core";
import { deferred } from "@wsession/conformance";
import type { AdapterCase } from "@wsession/conformance";
import { expect } from "vitest";
import { listen, serve } from "./setup.ts";
import type { AsWebSocket } from "./setup.ts";

export function sendingCases(asSocket: AsWebSocket): readonly AdapterCase[] {
  return [
    {
      name: "send accepts the data that ws accepts, and calls its callback once the message was handed over",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            const isOpen = socket.readyState === socket.OPEN && socket.OPEN === 1;
            log.note(`open ${isOpen}`);
            await connection.setSession({ name: "ada" });
            socket.send("text");
            socket.send(Buffer.from("bytes"), { binary: false });
            socket.send(7);
            socket.send("as bytes", { binary: true });
            socket.send(new Uint8Array([104, 105]).buffer);
            socket.send("in ", { fin: false });
            socket.send("two", { fin: true });
            socket.send("last", {}, (error) => log.note(`sent ${error === undefined}`));
            log.note("after");
          },
        }));
        const client = await trial.connect(server);
        const received = [];
        for (let count = 0; count < 7; count += 1) received.push(await client.next());
        expect(received).toEqual([
          "text",
          "bytes",
          "7",
          Buffer.from("as bytes"),
          Buffer.from("hi"),
          "in two",
          "last",
        ]);
        await journal.until(3);
        expect(journal.entries).toEqual(["open true", "after", "sent true"]);
        client.socket.close();
      },
    },
    {
      name: "wrong values throw TypeErrors as in ws, a callback that is not a function is ignored, and the connection continues",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            await connection.setSession({ name: "ada" });
            const outcomeOf = (call: () => void): string => {
              try {
                call();
                return "taken";
              } catch (error) {
                return error instanceof TypeError || isSessionError(error, "INVALID_ARGUMENT")
                  ? "typed"
                  : "other";
              }
            };
            const wrong = [Symbol("s"), true, 10n, {}, () => 1] as never[];
            for (const data of wrong) {
              log.note(outcomeOf(() => socket.send(data)));
              if (typeof data !== "function") log.note(outcomeOf(() => socket.ping(data)));
            }
            for (const code of ["1000", 999, 1005, {}] as never[])
              log.note(outcomeOf(() => socket.close(code)));
            for (const callback of [null, 5, "x", {}] as never[]) socket.send("taken", {}, callback);
          },
        }));
        const client = await trial.connect(server);
        for (let count = 0; count < 4; count += 1) expect(await client.next()).toBe("taken");
        expect(journal.entries).toEqual(Array.from({ length: 13 }, () => "typed"));
        client.socket.close();
        expect((await client.closed).code).toBe(1005);
      },
    },
    {
      name: "after the end send gives an error to its callback, and throws nothing without one",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            socket.on("close", () => {
              socket.send("nobody");
              socket.ping();
              socket.send("nobody", (error) => log.note(`error ${error instanceof Error}`));
            });
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        client.socket.close();
        await journal.until(1);
        expect(journal.entries).toEqual(["error true"]);
      },
    },
    {
      name: "ping reaches the peer with its data, and the peer's pong and ping reach the socket",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            socket.on("pong", (data) => log.note(`pong ${String(data)}`));
            socket.on("ping", (data) => log.note(`ping ${String(data)}`));
            await connection.setSession({ name: "ada" });
            socket.ping("are you there");
          },
        }));
        const client = await trial.connect(server);
        await journal.until(1);
        client.socket.ping("and you");
        await journal.until(2);
        expect(journal.entries).toEqual(["pong are you there", "ping and you"]);
      },
    },
    {
      name: "backpressure: a callback waits for the drain, and a message over maxBufferedBytes is an error of its callback",
      async run(trial) {
        const isOver = deferred();
        const { server, journal } = await serve(
          trial,
          (log) => ({
            async open(connection) {
              const socket = asSocket(connection);
              await connection.setSession({ name: "ada" });
              const block = Buffer.alloc(8 * 1024 * 1024);
              socket.send(block, () => log.note("sent"));
              log.note(`waits ${socket.bufferedAmount > 0}`);
              socket.send(block, (error) => log.note(`second ${error?.message}`));
              await isOver.promise;
            },
          }),
          { maxBufferedBytes: 1024 * 1024 },
        );
        const client = await trial.connect(server, "/", { paused: true });
        await journal.until(2);
        expect(journal.entries).toEqual([
          "waits true",
          "second more than maxBufferedBytes would wait to be sent",
        ]);
        client.socket.resume();
        await journal.until(3);
        isOver.resolve();
        expect(journal.entries[2]).toBe("sent");
      },
    },
    {
      name: "without a callback a message over maxBufferedBytes ends the connection with 1013, because the peer would miss it",
      async run(trial) {
        const { server, journal } = await serve(
          trial,
          (log) => ({
            async open(connection) {
              const socket = asSocket(connection);
              listen(socket, log);
              await connection.setSession({ name: "ada" });
              const block = Buffer.alloc(8 * 1024 * 1024);
              socket.send(block);
              socket.send(block);
              socket.send(block, (error) => log.note(`error ${error instanceof Error}`));
            },
          }),
          { maxBufferedBytes: 1024 * 1024 },
        );
        const client = await trial.connect(server, "/", { paused: true });
        await journal.until(1);
        client.socket.resume();
        await journal.until(2);
        expect(journal.entries.toSorted()).toEqual(["close 1013 too much waits to be sent", "error true"]);
      },
    },
  ];
}
