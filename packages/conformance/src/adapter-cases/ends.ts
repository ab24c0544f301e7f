import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { CloseInfo, Connection, SessionsOptions } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterHarness } from "../adapter-harness.ts";
import type { AdapterCase, AdapterTrial } from "../adapter-trial.ts";
import type { Client } from "../client.ts";
import { frame } from "../raw-client.ts";
import type { RawClient } from "../raw-client.ts";
import { deferred, Journal } from "../waiting.ts";

type Data = { n: number };
type Conn = Connection<Data, unknown, never>;

interface End {
  readonly name: string;
  readonly options?: Partial<SessionsOptions<Data>>;
  /** Ends the connection of a client that answers the close frame. */
  readonly end?: (connection: Conn, client: Client) => unknown;
  /** Ends the connection of a peer that sends any bytes. */
  readonly endRaw?: (client: RawClient) => unknown;
  readonly expected: Partial<CloseInfo>;
  /** Older versions of uWebSockets.js end a socket without a reason after some errors, so that the end looks like a lost connection. */
  readonly isUnexplained?: (harness: AdapterHarness) => boolean;
}

const ends: readonly End[] = [
  {
    name: "a close frame of the peer",
    end: (_, client) => client.socket.close(4001, "bye"),
    expected: { code: 4001, reason: "bye", by: "peer" },
  },
  {
    name: "a close frame of the peer without a code",
    end: (_, client) => client.socket.close(),
    expected: { code: 1005, reason: "", by: "peer" },
  },
  {
    name: "close() of the server",
    end: (connection) => connection.close(4002, "enough"),
    expected: { code: 4002, reason: "enough", by: "server" },
  },
  {
    name: "terminate() of the server",
    end: (connection) => connection.terminate(),
    expected: { code: 1006, reason: "", by: "server" },
  },
  {
    name: "a destroyed session",
    end: ({ session }) => session.destroy("signed out"),
    expected: { code: 4410, reason: "signed out", by: "server" },
  },
  {
    name: "an expired session",
    options: { idleMs: 50 },
    end: () => undefined,
    expected: { code: 4419, reason: "session expired", by: "server" },
  },
  {
    name: "a socket that the peer ends without a close frame",
    endRaw: ({ socket }) => socket.end(),
    expected: { code: 1006, reason: "", by: "network" },
  },
  {
    name: "a socket that breaks",
    endRaw: ({ socket }) => socket.resetAndDestroy(),
    expected: { code: 1006, reason: "", by: "network" },
  },
  {
    name: "a frame with a reserved opcode",
    endRaw: (client) => client.write(frame("", { opcode: 3 })),
    expected: { code: 1006, reason: "", by: "server" },
    isUnexplained: ({ runtime }) => runtime === "uws",
  },
  {
    name: "text that is not UTF-8",
    endRaw: (client) => client.write(frame(new Uint8Array([0xff]), { opcode: 1 })),
    expected: { code: 1006, reason: "", by: "server" },
  },
];

/** Opens a connection, and ends it. Returns the end as reported to the close handler, and as reported by `closed`. */
async function endings(trial: AdapterTrial, { options = {}, end, endRaw }: End): Promise<CloseInfo[]> {
  const opened = deferred<Conn>();
  const closed = deferred<CloseInfo>();
  const sessions = createSessions({
    store: mapStore(),
    token: queryToken(),
    onError: () => undefined,
    ...options,
    initial: () => ({ n: 0 }),
  });
  const server = await trial.serve(sessions, {
    open: (connection) => opened.resolve(connection),
    close: (_, info) => closed.resolve(info),
  });
  if (endRaw === undefined) {
    const client = await trial.connect(server);
    await end?.(await opened.promise, client);
  } else endRaw(await trial.rawUpgraded(server));
  const connection = await opened.promise;
  return [await connection.closed, await closed.promise, await connection.closed];
}

/** How a connection ended, as reported to the close handler and by `connection.closed`. */
export const endCases: readonly AdapterCase[] = [
  ...ends.map((one) => ({
    name: `the close handler and closed say who ended the connection: ${one.name}`,
    async run(trial: AdapterTrial) {
      const [promised, handled, again] = await endings(trial, one);
      const isUnexplained = one.isUnexplained?.(trial.harness) === true && promised?.by === "network";
      expect(promised).toEqual(isUnexplained ? { code: 1006, reason: "", by: "network" } : one.expected);
      expect(handled).toEqual(promised);
      expect(again).toBe(promised);
    },
  })),
  {
    name: "closed is one promise, which is pending while the connection lives, and resolves before a handler that still runs",
    async run(trial) {
      const journal = new Journal();
      const release = deferred();
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const server = await trial.serve(sessions, {
        async message(connection) {
          journal.note("message");
          const info = await connection.closed;
          journal.note(`closed by ${info.by}`);
          await release.promise;
        },
        close: () => journal.note("close"),
      });
      const client = await trial.connect(server);
      const [connection] = [...sessions.connections];
      const { closed } = connection ?? expect.fail("no connection");
      expect(connection?.closed).toBe(closed);
      void closed.then(() => journal.note("resolved"));
      await client.roundTrip();
      client.send("wait");
      await journal.until(1);
      client.socket.close();
      await journal.until(3);
      expect(journal.entries).toEqual(["message", "resolved", "closed by peer"]);
      release.resolve();
      await journal.until(4);
      expect(journal.entries.at(-1)).toBe("close");
    },
  },
];
