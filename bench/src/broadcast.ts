import { measurePairs } from "./kit/pairs.ts";
import { openMany, RawConnection } from "./kit/raw-connection.ts";
import { printTable, progress, readOptions, report } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { median, ratio } from "./kit/stats.ts";

// The CPU time that a broadcast costs the server, in all of its threads, compared with bare ws.

const options = readOptions();
const SOCKETS = options.quick ? 50 : 2_000;
const ROUNDS = options.quick ? 2 : Math.max(2, Math.round(20 * options.rounds));
const WARM_UP = options.quick ? 1 : 3;
const MESSAGES = options.quick ? 2 : 3;

const comparisons = [
  {
    field: "broadcastDeflateCpuRatio",
    compression: "compressed",
    target: { atMost: 1.1 },
    what: `with compression negotiated, to ${SOCKETS.toLocaleString("en")} sockets, over bare ws`,
  },
  {
    field: "broadcastCpuRatio",
    compression: "plain",
    target: { atMost: 1.1 },
    what: "the same without compression",
  },
];

class Audience {
  readonly #server: ServerProcess;
  readonly #connections: readonly RawConnection[];
  #missing = 0;
  #arrived: () => void = () => undefined;

  private constructor(server: ServerProcess, connections: readonly RawConnection[]) {
    this.#server = server;
    this.#connections = connections;
    for (const connection of connections) {
      connection.onMessage = () => {
        this.#missing -= 1;
        if (this.#missing === 0) this.#arrived();
      };
    }
  }

  static async gather(name: string, compression: string): Promise<Audience> {
    const server = await ServerProcess.start("broadcast", { args: [name, compression] });
    const headers = { "Sec-WebSocket-Extensions": "permessage-deflate" };
    const connections = await openMany(SOCKETS, () => RawConnection.open({ port: server.port, headers }));
    return new Audience(server, connections);
  }

  /** CPU microseconds per message and socket. */
  async measure(): Promise<number> {
    const before = await this.#server.cpu();
    for (let message = 0; message < MESSAGES; message += 1) {
      this.#missing = SOCKETS;
      const arrived = new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
      await this.#server.ask("broadcast");
      await arrived;
    }
    return ((await this.#server.cpu()) - before) / (MESSAGES * SOCKETS);
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await this.#server.stop();
  }
}

async function compare(compression: string): Promise<readonly [number[], number[]]> {
  const pair = [
    await Audience.gather("wsession-ws", compression),
    await Audience.gather("bare-ws", compression),
  ] as const;
  try {
    for (let round = 0; round < WARM_UP; round += 1) for (const audience of pair) await audience.measure();
    return await measurePairs(pair, ROUNDS, (audience) => audience.measure());
  } finally {
    await Promise.all(pair.map((audience) => audience.stop()));
  }
}

const figures: Figure[] = [];
const costs: string[][] = [];
for (const comparison of comparisons) {
  if (options.only.length > 0 && !options.only.includes(comparison.field)) continue;
  const [subjects, controls] = await compare(comparison.compression);
  const value = ratio(subjects, controls);
  progress(
    `${comparison.field}: ${value.median.toFixed(3)} (${value.low.toFixed(3)} – ${value.high.toFixed(3)})`,
  );
  figures.push({ ...comparison, value });
  costs.push([comparison.compression, median(subjects).toFixed(2), median(controls).toFixed(2)]);
}
printTable("CPU per message and socket, µs (median)", ["messages", "wsession", "bare ws"], costs);
report("Server CPU of a broadcast over ws", figures, options);
