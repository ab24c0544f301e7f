/** What `asWebSocket` promises, as cases that run against either runtime, and against broken variants. */
import { createSessions, isSessionError, mapStore } from "@wsession/core";
import type { Connection, Handlers } from "@wsession/core";
import { deferred, FramedPeer, Journal, macrotask, until } from "@wsession/conformance";
import type { AdapterCase, AdapterServer, AdapterTrial } from "@wsession/conformance";
import { expect } from "vitest";
import type { WebSocket } from "ws";

type Data = { readonly name: string };
type AsWebSocket = (connection: Connection) => WebSocket;

interface Setup {
  readonly server: AdapterServer;
  readonly journal: Journal;
  readonly errors: unknown[];
}

/** The journal of what reaches the socket's listeners. */
function listen(socket: WebSocket, journal: Journal): void {
  socket.on("message", (data, isBinary) => journal.note(`${isBinary ? "bytes" : "text"} ${String(data)}`));
  socket.on("close", (code, reason) => journal.note(`close ${code} ${String(reason)}`));
}

async function serve(
  trial: AdapterTrial,
  handlers: (journal: Journal) => Handlers<Data>,
  options: { readonly maxBufferedBytes?: number; readonly gate?: "session" | "open" } = {},
): Promise<Setup> {
  const journal = new Journal();
  const errors: unknown[] = [];
  const sessions = createSessions<Data>({
    ...options,
    store: mapStore(),
    onError: (error) => errors.push(error),
  });
  return { server: await trial.serve(sessions, handlers(journal)), journal, errors };
}

export function socketCases(asSocket: AsWebSocket): readonly AdapterCase[] {
  return [
    {
      name: "I1 I2 messages that arrive before the session reach the socket's listeners after it, in order",
      async run(trial) {
        const set = deferred();
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            listen(asSocket(connection), log);
            await set.promise;
            log.note("session");
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        for (const text of ["one", "two", "three"]) client.send(text);
        client.send(Buffer.from("four"));
        await client.roundTrip();
        set.resolve();
        await journal.until(5);
        expect(journal.entries).toEqual(["session", "text one", "text two", "text three", "bytes four"]);
      },
    },
    {
      name: "messages wait until the first listener of the socket is there, in order (I2)",
      async run(trial) {
        const sockets: WebSocket[] = [];
        const { server, journal } = await serve(trial, () => ({
          async open(connection) {
            sockets.push(asSocket(connection));
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        for (const text of ["one", "two", "three"]) client.send(text);
        await client.roundTrip();
        await macrotask();
        const [socket] = sockets;
        socket?.addEventListener("message", {
          handleEvent: ({ data, target }) =>
            journal.note(`${String(data)} ${typeof data} ${target === socket}`),
        });
        await journal.until(3);
        expect(journal.entries).toEqual(["one string true", "two string true", "three string true"]);
      },
    },
    {
      name: "pause() holds messages back and resume() lets them come, in order (I2)",
      async run(trial) {
        const sockets: WebSocket[] = [];
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            sockets.push(socket);
            listen(socket, log);
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        client.send("one");
        await journal.until(1);
        sockets[0]?.pause();
        expect(sockets[0]?.isPaused).toBe(true);
        client.send("two");
        client.send("three");
        await client.roundTrip();
        await macrotask();
        expect(journal.entries).toEqual(["text one"]);
        sockets[0]?.resume();
        await journal.until(3);
        expect(journal.entries).toEqual(["text one", "text two", "text three"]);
      },
    },
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
      name: "a message reaches the socket's listeners before the handler message, each message once",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            listen(asSocket(connection), log);
            await connection.setSession({ name: "ada" });
          },
          async message(_, data) {
            await macrotask();
            log.note(`handler ${String(data)}`);
          },
        }));
        const client = await trial.connect(server);
        client.send("one");
        client.send("two");
        await journal.until(4);
        expect(journal.entries).toEqual(["text one", "handler one", "text two", "handler two"]);
      },
    },
    {
      name: "I2 a listener that keeps its bytes has them unchanged after later messages",
      async run(trial) {
        const kept: unknown[] = [];
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            asSocket(connection).on("message", (data) => {
              kept.push(data);
              log.note("message");
            });
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        client.send(Buffer.from("first"));
        await journal.until(1);
        client.send(Buffer.from("other"));
        await journal.until(2);
        await macrotask();
        expect(kept.map(String)).toEqual(["first", "other"]);
      },
    },
    {
      name: "binaryType decides about bytes, and text is a Buffer; onmessage and once work as those of ws",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            const types = ["nodebuffer", "arraybuffer", "fragments"] as const;
            socket.on("message", (data, isBinary) => {
              const [kind] = [Buffer.isBuffer(data) ? "Buffer" : data.constructor.name];
              log.note(`${kind} ${isBinary}`);
              socket.binaryType = types[log.entries.length] ?? "nodebuffer";
            });
            socket.once("message", (data) => log.note(`once ${String(data)}`));
            // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the attribute is what is tested
            socket.onmessage = ({ data, type }) => {
              // oxlint-disable-next-line unicorn/prefer-add-event-listener -- as above
              socket.onmessage = null;
              log.note(`${type} ${Buffer.isBuffer(data)}`);
            };
            await connection.setSession({ name: "ada" });
          },
        }));
        const client = await trial.connect(server);
        client.send(Buffer.from("a"));
        await journal.until(3);
        expect(journal.entries).toEqual(["Buffer true", "once a", "message true"]);
        client.send("b");
        await journal.until(4);
        expect(journal.entries.slice(3)).toEqual(["Buffer false"]);
      },
    },
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
    {
      name: "a client of v1.wsession: the socket has the application's messages, numbered and plain, without frames",
      async run(trial) {
        const { server, journal } = await serve(trial, (log) => ({
          async open(connection) {
            const socket = asSocket(connection);
            listen(socket, log);
            await connection.setSession({ name: "ada" });
            socket.send("hello");
          },
        }));
        const peer = await FramedPeer.connect(trial, server);
        peer.attach();
        await peer.until("hello");
        peer.sendPlain("plain");
        peer.sendCounted("numbered");
        peer.sendPlain(Buffer.from("bytes"));
        expect((await peer.until("applied")).number).toBe(1);
        await journal.until(3);
        expect(journal.entries).toEqual(["text plain", "text numbered", "bytes bytes"]);
        expect(peer.frames).toContainEqual({ type: "plain", message: "hello" });
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
