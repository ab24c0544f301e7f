// The server CPU of an echo over v1.wsession, compared with a raw echo of this library.
import { Load, MESSAGE } from "../kit/load.ts";
import { openMany, RawConnection } from "../kit/raw-connection.ts";
import { progress } from "../kit/report.ts";
import type { Figure } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { ratio } from "../kit/stats.ts";
import { framedPeer } from "./peers.ts";

export interface EchoRun {
  readonly connections: number;
  /** Echoes in one round. */
  readonly echoes: number;
  /** The number of times the servers are started, because the memory layout of code and heap differs between processes. */
  readonly starts: number;
  /** Rounds in one start. */
  readonly rounds: number;
}

/** A kind of server and client, and the CPU microseconds of an echo in each round. */
interface Kind {
  readonly module: string;
  readonly args: readonly string[];
  readonly open: (port: number) => Promise<RawConnection>;
  /** The text on the wire. */
  readonly text: string;
  readonly costs: number[];
}

interface Running {
  readonly kind: Kind;
  readonly server: ServerProcess;
  readonly load: Load;
}

/** The frame of a plain message. */
const FRAMED = `-${MESSAGE}`;

const openRaw = (port: number): Promise<RawConnection> => RawConnection.open({ port });

async function start(kind: Kind, connections: number): Promise<Running> {
  const server = await ServerProcess.start(kind.module, { args: kind.args });
  const opened = await openMany(connections, () => kind.open(server.port));
  return { kind, server, load: new Load(opened, { window: 8, text: kind.text }) };
}

async function measure({ kind, server, load }: Running, echoes: number): Promise<void> {
  const before = await server.cpu();
  await load.run(echoes);
  kind.costs.push(((await server.cpu()) - before) / echoes);
}

/** Starts one server for each kind, so that the kinds do not slow each other down, and measures the servers in turn. */
async function measureOnce(kinds: readonly Kind[], { connections, echoes, rounds }: EchoRun): Promise<void> {
  const running = await Promise.all(kinds.map((kind) => start(kind, connections)));
  try {
    for (const { load } of running) await load.run(echoes * 4);
    for (let round = 0; round < rounds; round += 1) {
      // The order changes, because the server that is measured first may find another state of the machine.
      const order = round % 2 === 0 ? running : running.toReversed();
      for (const one of order) await measure(one, echoes);
    }
  } finally {
    for (const { load, server } of running) {
      load.close();
      await server.stop();
    }
  }
}

/**
 * On uWebSockets.js the floor is measured too: a program without this library that does only what the wire demands. No
 * implementation of the protocol in JavaScript has a lower ratio.
 */
export async function framedEcho(runtime: "ws" | "uws", run: EchoRun): Promise<Figure[]> {
  const library = { module: "messages-wsession", args: ["0", runtime] };
  const openFramed = async (port: number) => (await framedPeer(port, undefined, false)).connection;
  const framed: Kind = { ...library, open: openFramed, text: FRAMED, costs: [] };
  const raw: Kind = { ...library, open: openRaw, text: MESSAGE, costs: [] };
  const floor: Kind = {
    module: "echo",
    args: ["bare-uws-framed"],
    open: openRaw,
    text: FRAMED,
    costs: [],
  };
  const kinds = runtime === "uws" ? [framed, raw, floor] : [framed, raw];
  for (let count = 0; count < run.starts; count += 1) {
    await measureOnce(kinds, run);
    progress(`an echo over v1.wsession (${runtime}) ${ratio(framed.costs, raw.costs).median.toFixed(3)}`);
  }
  const figures: Figure[] = [
    {
      field: runtime === "ws" ? "framedCpuRatio" : "framedUwsCpuRatio",
      what: `server CPU of an echo over v1.wsession, not kept, over a raw one (${runtime})`,
      value: ratio(framed.costs, raw.costs),
      target: { atMost: 1.1 },
      digits: 3,
    },
  ];
  if (runtime === "uws")
    figures.push({
      field: "framedUwsFloorCpuRatio",
      what: "a program on bare uWS that takes the lead off and puts it before the answer, over the same raw echo",
      value: ratio(floor.costs, raw.costs),
      digits: 3,
    });
  return figures;
}
