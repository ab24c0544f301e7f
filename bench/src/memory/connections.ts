import { openMany, RawConnection } from "../kit/raw-connection.ts";
import { progress } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { difference, median } from "../kit/stats.ts";

interface PerConnection {
  readonly heap: number;
  readonly rss: number;
}

/**
 * The memory of idle connections with a session each, beyond that of idle connections of the bare runtime.
 */
export async function measureConnections(
  runtime: "ws" | "uws",
  options: Options,
): Promise<{ figures: Figure[]; details: string[][] }> {
  const count = options.quick ? 300 : 10_000;
  const rounds = options.quick ? 1 : Math.max(1, Math.round(5 * options.rounds));
  const subjects: PerConnection[] = [];
  const controls: PerConnection[] = [];
  for (let round = 0; round < rounds; round += 1) {
    controls.push(await measure(`bare-${runtime}`, count));
    subjects.push(await measure(`wsession-${runtime}`, count));
    const [subject, control] = [subjects.at(-1)?.heap ?? 0, controls.at(-1)?.heap ?? 0];
    progress(
      `${runtime} ${round + 1}/${rounds}: heap ${subject.toFixed(0)} over ${control.toFixed(0)} bytes a connection`,
    );
  }
  const heaps = (list: readonly PerConnection[]): number[] => list.map(({ heap }) => heap);
  const sizes = (list: readonly PerConnection[]): number[] => list.map(({ rss }) => rss);
  const figures: Figure[] = [
    {
      field: `${runtime}HeapBytes`,
      value: difference(heaps(subjects), heaps(controls)),
      target: { atMost: 400 },
      what: `heap an idle connection with a session adds to bare ${runtime}`,
      digits: 0,
      worthlessOver: 60,
    },
    {
      field: `${runtime}RssBytes`,
      value: difference(sizes(subjects), sizes(controls)),
      what: "resident memory, the same way",
      digits: 0,
      worthlessOver: 400,
    },
  ];
  const details = [
    [`bare ${runtime}`, controls],
    [`wsession on ${runtime}`, subjects],
  ] as const;
  return {
    figures,
    details: details.map(([name, list]) => [
      name,
      String(count),
      median(heaps(list)).toFixed(0),
      median(sizes(list)).toFixed(0),
    ]),
  };
}

/** Measures in a new process, because garbage of another measurement would be counted. */
async function measure(name: string, count: number): Promise<PerConnection> {
  const server = await ServerProcess.start("echo", { args: [name], execArgv: ["--expose-gc"] });
  const open = (): Promise<RawConnection> => RawConnection.open({ port: server.port });
  // The first connections cause code and tables to be loaded. They stay open, so that their memory is not
  // subtracted.
  const warm = await openMany(Math.min(500, count), open);
  const before = await server.ask("memory");
  const connections = await openMany(count, open);
  const after = await server.ask("memory");
  for (const connection of [...warm, ...connections]) connection.destroy();
  await server.stop();
  const each = (field: string): number => ((after[field] ?? NaN) - (before[field] ?? NaN)) / count;
  return { heap: each("heapUsed"), rss: each("rss") };
}
