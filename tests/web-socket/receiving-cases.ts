/** What `asWebSocket` promises of the messages and frames that a socket gets. */
import { deferred, FramedPeer, macrotask } from "@wsession/conformance";
import type { AdapterCase } from "@wsession/conformance";
import { expect } from "vitest";
import type { WebSocket } from "ws";
import { listen, serve } from "./setup.ts";
import type { AsWebSocket } from "./setup.ts";

export function receivingCases(asSocket: AsWebSocket): readonly AdapterCase[] {
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
  ];
}
