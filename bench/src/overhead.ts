import { measurePairs } from "./kit/pairs.ts";
import { printTable, progress, readOptions, report } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { median, ratio } from "./kit/stats.ts";
import { startLoaded } from "./kit/subjects.ts";
import type { LoadedServer } from "./kit/subjects.ts";

// The CPU time that a message costs the server, compared with the bare runtime doing the same work.

interface Comparison {
  readonly field: string;
  readonly subject: string;
  readonly control: string;
  readonly what: string;
  readonly target?: { readonly atMost: number };
}

const comparisons: readonly Comparison[] = [
  {
    field: "wsCpuRatio",
    subject: "wsession-ws",
    control: "bare-ws",
    target: { atMost: 1.05 },
    what: "adapter-ws over bare ws",
  },
  {
    field: "uwsCpuRatio",
    subject: "wsession-uws",
    control: "bare-uws",
    target: { atMost: 1.1 },
    what: "adapter-uws over bare uWS",
  },
  {
    field: "uwsAsyncCpuRatio",
    subject: "wsession-uws-async",
    control: "bare-uws-async",
    target: { atMost: 1.1 },
    what: "the same, async handler",
  },
  {
    field: "wsListenedCpuRatio",
    subject: "wsession-ws-listened",
    control: "wsession-ws",
    what: "adapter-ws with a listener for each message, over none",
  },
  {
    field: "uwsListenedCpuRatio",
    subject: "wsession-uws-listened",
    control: "wsession-uws",
    what: "adapter-uws, the same",
  },
  {
    field: "uwsProbedCpuRatio",
    subject: "wsession-uws-probed",
    control: "wsession-uws",
    what: "adapter-uws with health() each second, over none",
  },
  { field: "crosswsCpuRatio", subject: "crossws-uws", control: "bare-uws", what: "crossws over bare uWS" },
  { field: "crosswsWsCpuRatio", subject: "crossws-ws", control: "bare-ws", what: "crossws over bare ws" },
  { field: "socketioCpuRatio", subject: "socketio", control: "bare-ws", what: "Socket.IO over bare ws" },
];

const options = readOptions();
const CONNECTIONS = options.quick ? 8 : 64;
const WINDOW = 8;
/**
 * The number of times the processes are restarted, because the memory layout of code and heap differs between
 * processes. Each pair of rounds uses one pair of processes.
 */
const GENERATIONS = options.quick ? 1 : Math.max(1, Math.round(6 * options.rounds));
const WARM_UP = options.quick ? 1 : 8;
const ROUNDS = options.quick ? 2 : 40;

function messagesFor(control: string): number {
  if (options.quick) return 2_000;
  return control.endsWith("-ws") ? 15_000 : 50_000;
}

/** CPU microseconds per message. */
async function measure({ server, load }: LoadedServer, messages: number): Promise<number> {
  const before = await server.cpu();
  await load.run(messages);
  return ((await server.cpu()) - before) / messages;
}

async function compare({ field, subject, control }: Comparison): Promise<[number[], number[]]> {
  const subjects: number[] = [];
  const controls: number[] = [];
  const messages = messagesFor(control);
  for (let generation = 0; generation < GENERATIONS; generation += 1) {
    const pair = await Promise.all([
      startLoaded(subject, CONNECTIONS, WINDOW),
      startLoaded(control, CONNECTIONS, WINDOW),
    ]);
    try {
      for (const { load } of pair) await load.run(WARM_UP * messages);
      const [ofSubject, ofControl] = await measurePairs(pair, ROUNDS, (side) => measure(side, messages));
      subjects.push(...ofSubject);
      controls.push(...ofControl);
    } finally {
      await Promise.all(pair.map((loaded) => loaded.stop()));
    }
    const now = ratio(subjects, controls);
    progress(
      `${field} ${generation + 1}/${GENERATIONS}: ${now.median.toFixed(3)} (${now.low.toFixed(3)} – ${now.high.toFixed(3)})`,
    );
  }
  return [subjects, controls];
}

const figures: Figure[] = [];
const costs: string[][] = [];
for (const comparison of comparisons) {
  if (options.only.length > 0 && !options.only.includes(comparison.field)) continue;
  const [subjects, controls] = await compare(comparison);
  figures.push({ ...comparison, value: ratio(subjects, controls) });
  costs.push([
    comparison.subject,
    median(subjects).toFixed(2),
    comparison.control,
    median(controls).toFixed(2),
  ]);
}
printTable("CPU per echoed message, µs (median)", ["subject", "µs", "control", "µs"], costs);
report(
  `Server CPU per echoed message: ${CONNECTIONS} connections, ${WINDOW} messages in flight on each`,
  figures,
  options,
);
