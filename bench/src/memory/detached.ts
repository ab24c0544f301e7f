import { progress } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { difference } from "../kit/stats.ts";

/**
 * The memory of detached sessions in a map store, beyond their data. The control has the same objects in an array whose slots
 * are not counted. The rest is the id, the digest of the token, the version, the deadlines and the slot in the map.
 */
export async function measureDetached(options: Options): Promise<Figure> {
  const count = options.quick ? 10_000 : 1_000_000;
  const rounds = options.quick ? 1 : Math.max(1, Math.round(3 * options.rounds));
  const subjects: number[] = [];
  const controls: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    controls.push(await measure("data", count));
    subjects.push(await measure("sessions", count));
    progress(
      `map ${round + 1}/${rounds}: ${subjects.at(-1)?.toFixed(0)} over ${controls.at(-1)?.toFixed(0)} bytes a session`,
    );
  }
  return {
    field: "mapHeapBytes",
    value: difference(subjects, controls),
    target: { atMost: 250 },
    what: `heap of a detached session in mapStore beyond its data, ${count.toLocaleString("en")} of them`,
    digits: 0,
    worthlessOver: 40,
  };
}

async function measure(what: string, count: number): Promise<number> {
  const execArgv = ["--expose-gc", "--max-old-space-size=4096"];
  const server = await ServerProcess.start("detached", { args: [what, String(count)], execArgv });
  const before = await server.ask("memory");
  const after = await server.ask("fill");
  await server.stop();
  return ((after["heapUsed"] ?? Number.NaN) - (before["heapUsed"] ?? Number.NaN)) / count;
}
