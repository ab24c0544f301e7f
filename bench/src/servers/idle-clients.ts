// Opens connections and leaves them idle, except for the heartbeat, until they are asked to speak. A separate process, because each
// process has a limit of file descriptors.
import { setTimeout as delay } from "node:timers/promises";
import { serve } from "../kit/child.ts";
import { maskedFrame, Opcode } from "../kit/frames.ts";
import { MESSAGE } from "../kit/load.ts";
import { openMany, RawConnection } from "../kit/raw-connection.ts";
import type { RawOptions } from "../kit/raw-connection.ts";

/** Few enough handshakes at once that a busy machine answers each within the deadline of an admission. */
const DEFAULT_AT_ONCE = "50";
/** One connection in this many speaks, once in `PERIOD_MS`. */
const SPEAKER_EVERY = 100;
const PERIOD_MS = 1_000;
/** The speakers take turns within a period, so that their messages do not arrive together. */
const TURN_MS = 10;
const MOST_TRIES = 20;
/** How long `speak` waits for the last answers. */
const LAST_MS = 1_000;
const [port = "", first = "0", atOnce = DEFAULT_AT_ONCE, addresses = "1"] = process.argv.slice(2);
const connections: RawConnection[] = [];
const latencies: number[] = [];
const frame = maskedFrame(Opcode.Text, Buffer.from(MESSAGE));

/** Opens a connection. A server that is busy for longer than the deadline of an admission answers 503, and the client tries again. */
async function persistently(options: RawOptions): Promise<RawConnection> {
  for (let left = MOST_TRIES; ; left -= 1)
    try {
      return await RawConnection.open(options);
    } catch (error) {
      if (left === 0 || !(error instanceof Error && error.message.includes(" 503 "))) throw error;
      await delay(PERIOD_MS);
    }
}

/** Sends messages at a fixed rate, and records how long each answer takes. */
class Speaker {
  readonly #connection: RawConnection;
  #sentAt: number | undefined;

  constructor(connection: RawConnection) {
    this.#connection = connection;
    connection.onMessage = () => {
      if (this.#sentAt !== undefined) latencies.push(performance.now() - this.#sentAt);
      this.#sentAt = undefined;
    };
  }

  get waits(): boolean {
    return this.#sentAt !== undefined;
  }

  speak(): void {
    // A late answer is measured in full: the next message waits for it.
    if (this.waits) return;
    this.#sentAt = performance.now();
    this.#connection.socket.write(frame);
  }
}

serve(0, {
  async open(wanted) {
    const from = Number(first) + connections.length;
    const open = (index: number): Promise<RawConnection> =>
      persistently({
        host: `127.0.0.${1 + (index % Number(addresses))}`,
        port: Number(port),
        path: `/user-${from + index}/${from + index}`,
      });
    connections.push(...(await openMany(Number(wanted), open, Number(atOnce))));
    return { open: connections.length };
  },
  /** One connection in a hundred sends messages for `forMs`. Resolves with the number of messages that were not answered. */
  async speak(forMs) {
    const speakers = connections
      .filter((_, index) => index % SPEAKER_EVERY === 0)
      .map((connection) => new Speaker(connection));
    const turns = PERIOD_MS / TURN_MS;
    const from = performance.now();
    let turn = 0;
    const timer = setInterval(() => {
      // A timer that fires late makes up for the turns that it has missed, so that the rate stays.
      for (; turn * TURN_MS <= performance.now() - from; turn += 1)
        for (let index = turn % turns; index < speakers.length; index += turns) speakers[index]?.speak();
    }, TURN_MS);
    await delay(Number(forMs));
    clearInterval(timer);
    const deadline = performance.now() + LAST_MS;
    const waiting = (): number => speakers.filter(({ waits }) => waits).length;
    while (waiting() > 0 && performance.now() < deadline) await delay(TURN_MS);
    return { count: waiting() };
  },
  latencies: () => Object.fromEntries(latencies.entries()),
  connections: () => ({ count: connections.filter(({ socket }) => !socket.destroyed).length }),
});
