/**
 * The plain WebSocket beside the session: it counts the same presses as press.ts, but its messages have no numbers by which the
 * server could recognise a repeat.
 */
import { setTimeout as wait } from "node:timers/promises";
import { parseObject } from "./messages.ts";
import type { PlainAnswer } from "./messages.ts";
import { readPress, WORK_MS } from "./press.ts";
import type { Press } from "./press.ts";

export const PLAIN_PATH = "/plain";

/** A socket of either runtime. Neither method is called after the socket has closed. */
export interface PlainSocket {
  readonly send: (text: string) => void;
  /** Ends the connection without a closing handshake. */
  readonly terminate: () => void;
}

export interface PlainServing {
  /** The exact origins of the page. */
  readonly origins: readonly string[];
  /** Adds 1 to the run's counter, which is kept where the sessions are kept. Returns the counter. */
  readonly add: (run: string) => Promise<number>;
  /** Kills the process if the sessions survive that, else cuts the connection with this id. */
  readonly breakOff: (connection: string) => void;
}

export interface PlainConnection {
  receive(text: string): void;
  closed(): void;
}

const MOST_WAITING = 1_000;

/** Handles one press at a time, as wsession does. After a connection has closed, none of its presses is started. */
export function plainConnection(socket: PlainSocket, serving: PlainServing): PlainConnection {
  let waiting: Press[] = [];
  let isOpen = true;
  let isBusy = false;

  function end(): void {
    if (isOpen) socket.terminate();
    isOpen = false;
    waiting = [];
  }

  async function handleWaiting(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      await handle(next);
    }
    isBusy = false;
  }

  async function handle({ run, number }: Press): Promise<void> {
    const count = await serving.add(run);
    await wait(WORK_MS);
    const answer: PlainAnswer = { run, number, count };
    if (isOpen) socket.send(JSON.stringify(answer));
  }

  return {
    receive(text) {
      const press = readPress(text);
      if (press !== undefined && waiting.length < MOST_WAITING) {
        waiting.push(press);
        // The store is unavailable, which is reported elsewhere. The page connects again.
        handleWaiting().catch(end);
        return;
      }
      const fields = parseObject(text);
      const connection = fields?.["connection"];
      if (fields?.["type"] === "break" && typeof connection === "string") serving.breakOff(connection);
      end();
    },
    closed() {
      isOpen = false;
      waiting = [];
    },
  };
}

const MOST_RUNS = 256;

/** The plain counters of one process. */
export function countersInMemory(): PlainServing["add"] {
  const counts = new Map<string, number>();
  return async (run) => {
    const count = (counts.get(run) ?? 0) + 1;
    counts.set(run, count);
    for (const oldest of counts.keys()) {
      if (counts.size <= MOST_RUNS) break;
      counts.delete(oldest);
    }
    return count;
  };
}
