import { createSessions } from "@wsession/core";
import type { Connection, SendOutcome } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { deferred, Journal, macrotask, until } from "../waiting.ts";

type Conn = Connection<{ n: number }, unknown, never>;

const CHUNK = Buffer.alloc(65_536, 7);

/** Sends until the outcome changes. The number is bounded, because the kernel's buffers are. */
async function sendWhile(connection: Conn, while_: SendOutcome): Promise<SendOutcome> {
  for (let tries = 0; tries < 2_000; tries += 1) {
    const outcome = connection.send(CHUNK);
    if (outcome !== while_) return outcome;
    if (tries % 16 === 0) await macrotask();
  }
  return while_;
}

/** Sends a small message, which is not dropped. The kernel may have taken all that was queued since the last message, and then takes this too. */
function expectFits(connection: Conn): void {
  const outcome = connection.send("small enough still");
  expect(outcome).toBe(connection.bufferedAmount > 0 ? "queued" : "sent");
}

/** Calls `send` with a value that its type forbids, as plain JavaScript may. */
function sendUntyped(connection: { readonly send: unknown }, data: unknown): unknown {
  const { send } = connection;
  if (typeof send !== "function") throw new TypeError("the connection has no method send");
  return Reflect.apply(send, connection, [data]);
}

/** `send` returns the result for a message, in the same way on every runtime. */
export const sendingCases: readonly AdapterCase[] = [
  {
    name: "text is sent as text and bytes as binary, in order, of any size",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const outcomes: SendOutcome[] = [];
      const server = await trial.serve(sessions, {
        open(connection) {
          for (const data of [
            "hällo",
            "",
            Buffer.of(1, 2, 3),
            new Uint8Array(0),
            "x".repeat(100_000),
            new Uint8Array([9]).subarray(0),
          ]) {
            outcomes.push(connection.send(data));
          }
        },
      });
      const client = await trial.connect(server);
      await until(() => client.received.length === 6);
      expect(client.received).toEqual([
        "hällo",
        "",
        Buffer.of(1, 2, 3),
        Buffer.alloc(0),
        "x".repeat(100_000),
        Buffer.of(9),
      ]);
      expect(outcomes.every((outcome) => outcome === "sent" || outcome === "queued")).toBe(true);
      expect(outcomes[0]).toBe("sent");
    },
  },
  {
    name: "text with half of a surrogate pair arrives with U+FFFD in its place, and the connection stays open",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open(connection) {
          connection.send("nice\ud83d");
          connection.send("\ude00, and \u{1f600}");
        },
      });
      const client = await trial.connect(server);
      await client.roundTrip();
      expect(client.received).toEqual(["nice\ufffd", "\ufffd, and \u{1f600}"]);
    },
  },
  {
    name: "send throws INVALID_ARGUMENT for a value that is neither text nor bytes, and the connection stays open",
    async run(trial) {
      const opened = deferred<Conn>();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, { open: (connection) => opened.resolve(connection) });
      const client = await trial.connect(server);
      const connection = await opened.promise;
      for (const data of [
        42,
        undefined,
        null,
        {},
        [1],
        new DataView(new ArrayBuffer(2)),
        Uint16Array.of(1),
      ]) {
        expect(() => sendUntyped(connection, data)).toThrow(
          expect.objectContaining({ code: "INVALID_ARGUMENT" }),
        );
      }
      expect(connection.send("text")).toBe("sent");
      await client.roundTrip();
      expect(client.received).toEqual(["text"]);
    },
  },
  {
    name: 'a peer that stops reading: "queued", then "dropped" over maxBufferedBytes; drain once when it reads again',
    async run(trial) {
      const opened = deferred<Conn>();
      const drained = new Journal<number>();
      const sessions = createSessions({ initial: () => ({ n: 0 }), maxBufferedBytes: 400_000 });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.resolve(connection),
        drain: (connection) => drained.note(connection.bufferedAmount),
      });
      const client = await trial.rawUpgraded(server);
      const connection = await opened.promise;
      client.socket.pause();
      expect(connection.bufferedAmount).toBe(0);
      expect(await sendWhile(connection, "sent")).toBe("queued");
      expect(connection.bufferedAmount).toBeGreaterThan(0);
      expect(await sendWhile(connection, "queued")).toBe("dropped");
      expect(connection.bufferedAmount).toBeLessThanOrEqual(400_000);
      expect(sessions.diagnostics.sendsDropped).toBe(1);
      expectFits(connection);
      expect(drained.entries).toEqual([]);
      client.socket.resume();
      await drained.until(1);
      await macrotask();
      expect(drained.entries).toEqual([0]);
      expect(connection.send("x")).toBe("sent");
    },
  },
  {
    name: "maxBufferedBytes counts text in bytes of UTF-8",
    async run(trial) {
      const opened = deferred<Conn>();
      const sessions = createSessions({ initial: () => ({ n: 0 }), maxBufferedBytes: 400_000 });
      const server = await trial.serve(sessions, { open: (connection) => opened.resolve(connection) });
      const client = await trial.rawUpgraded(server);
      const connection = await opened.promise;
      client.socket.pause();
      expect(await sendWhile(connection, "sent")).toBe("queued");
      // 600,000 bytes of 200,000 characters.
      expect(connection.send("\u20ac".repeat(200_000))).toBe("dropped");
      expectFits(connection);
    },
  },
  {
    name: "drain is also called for a message that was queued inside open",
    async run(trial) {
      const drained = new Journal<number>();
      const outcomes: SendOutcome[] = [];
      const sessions = createSessions({ initial: () => ({ n: 0 }), maxBufferedBytes: 100_000_000 });
      const server = await trial.serve(sessions, {
        open(connection) {
          for (let sent = 0; sent < 500 && outcomes.at(-1) !== "queued"; sent += 1)
            outcomes.push(connection.send(CHUNK));
        },
        drain: (connection) => drained.note(connection.bufferedAmount),
      });
      await trial.connect(server);
      await drained.until(1);
      expect(outcomes.at(-1)).toBe("queued");
      expect(drained.entries).toEqual([0]);
    },
  },
  {
    name: "a peer that does not read delays neither the messages nor the drain of other connections",
    async run(trial) {
      const opened = new Journal<Conn>();
      const drained = new Journal<Conn>();
      const sessions = createSessions({ initial: () => ({ n: 0 }), maxBufferedBytes: 200_000 });
      const server = await trial.serve(sessions, {
        open: (connection) => opened.note(connection),
        drain: (connection) => drained.note(connection),
      });
      const slow = await trial.rawUpgraded(server);
      await opened.until(1);
      const [stuck = expect.unreachable()] = opened.entries;
      slow.socket.pause();
      expect(await sendWhile(stuck, "sent")).toBe("queued");
      const client = await trial.connect(server);
      await opened.until(2);
      expect(opened.entries[1]?.send("hello")).toBe("sent");
      expect(await client.next()).toBe("hello");
      expect(drained.entries).toEqual([]);
    },
  },
  {
    name: 'after the end send is "closed" and bufferedAmount 0, in the close handler too, and nothing throws',
    async run(trial) {
      const closed = deferred<Conn>();
      const inHandler: unknown[] = [];
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        close(connection) {
          inHandler.push(connection.send("x"), connection.send(Buffer.of(1)), connection.bufferedAmount);
          connection.close();
          connection.terminate();
          closed.resolve(connection);
        },
      });
      const client = await trial.connect(server);
      client.socket.close();
      const connection = await closed.promise;
      await macrotask();
      expect(inHandler).toEqual(["closed", "closed", 0]);
      expect(connection.send("x")).toBe("closed");
      expect(connection.bufferedAmount).toBe(0);
      connection.close(4000);
      connection.terminate();
    },
  },
  {
    name: 'once we have closed, send is "closed"; what was sent before still arrives',
    async run(trial) {
      const outcomes: SendOutcome[] = [];
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        open(connection) {
          outcomes.push(connection.send("before"));
          connection.close(4000, "bye");
          outcomes.push(connection.send("after"));
        },
      });
      const client = await trial.connect(server);
      expect(await client.closed).toEqual({ code: 4000, reason: "bye" });
      expect(client.received).toEqual(["before"]);
      expect(outcomes).toEqual(["sent", "closed"]);
    },
  },
];
