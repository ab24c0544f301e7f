import { createSessions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { frame, Opcode } from "../raw-client.ts";
import { Journal, until } from "../waiting.ts";

/** Long enough for a busy machine to answer in between. */
const HEARTBEAT_MS = 120;
/** Longer, for a peer that has to answer in the same process. On Deno a busy machine stopped the process for longer than 120 ms. */
const ANSWERED_HEARTBEAT_MS = 200;
/** The first byte of a ping that a server sends: the last frame of its message. */
const SERVER_PING = 0x80 + Opcode.Ping;

/** Peers that vanish without closing are detected. */
export const heartbeatCases: readonly AdapterCase[] = [
  {
    name: "heartbeatMs ends a half-open connection, whose peer answers no ping, with 1006",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: HEARTBEAT_MS });
      const server = await trial.serve(sessions, {
        message: (_, text) => journal.note(`${text}`),
        close: (_, { code, by }) => journal.note(`close ${code} ${by}`),
      });
      const client = await trial.rawUpgraded(server);
      client.write(frame("my last words"));
      await journal.until(2);
      await client.closed;
      expect(journal.entries).toEqual(["my last words", "close 1006 heartbeat"]);
      expect(sessions.connections.size).toBe(0);
    },
  },
  {
    name: "heartbeatMs does not end a peer that answers pings and sends nothing else",
    async run(trial) {
      let pings = 0;
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: ANSWERED_HEARTBEAT_MS });
      const server = await trial.serve(sessions, {});
      const client = await trial.connect(server);
      client.socket.on("ping", () => (pings += 1));
      await until(() => pings >= 4);
      await client.roundTrip();
      expect(sessions.connections.size).toBe(1);
    },
  },
  {
    name: "heartbeatMs does not end a peer that sends pings, and answers none",
    async run(trial) {
      const journal = new Journal();
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: ANSWERED_HEARTBEAT_MS });
      const server = await trial.serve(sessions, { close: (_, { code }) => journal.note(`close ${code}`) });
      const client = await trial.rawUpgraded(server);
      // Each frame has two bytes: the pings of the server, and its answers to those of the client.
      client.socket.on("data", (bytes) => {
        for (const byte of bytes) if (byte === SERVER_PING) journal.note("ping");
      });
      const pinging = setInterval(
        () => client.write(frame("", { opcode: Opcode.Ping })),
        ANSWERED_HEARTBEAT_MS / 8,
      );
      try {
        await journal.until(5);
      } finally {
        clearInterval(pinging);
      }
      expect(journal.entries).toEqual(Array.from({ length: 5 }, () => "ping"));
    },
  },
  {
    name: "heartbeatMs 0 sends no ping",
    async run(trial) {
      let pings = 0;
      const sessions = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: 0 });
      const beating = createSessions({ initial: () => ({ n: 0 }), heartbeatMs: ANSWERED_HEARTBEAT_MS });
      const silent = await trial.connect(await trial.serve(sessions, {}));
      silent.socket.on("ping", () => (pings += 1));
      const other = await trial.connect(await trial.serve(beating, {}));
      let beats = 0;
      other.socket.on("ping", () => (beats += 1));
      await until(() => beats >= 3);
      expect(pings).toBe(0);
    },
  },
];
