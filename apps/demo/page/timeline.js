/** The timeline: how often each thing happened in each of the last seconds. */
import { UPlot } from "./chart.js";
import { byId } from "./dom.js";

/** @typedef {import("../src/operator/contract.ts").Point} Point */
/** @typedef {import("../src/operator/contract.ts").Counted} Counted */

const SECONDS = 120;
const HEIGHT = 220;

/** @type {readonly { readonly name: Counted, readonly label: string, readonly dash: number[] }[]} */
const SERIES = [
  { name: "connects", label: "connects", dash: [] },
  { name: "resumes", label: "resumes", dash: [6, 3] },
  { name: "updates", label: "updates", dash: [] },
  { name: "conflicts", label: "conflicts", dash: [2, 3] },
  { name: "kicks", label: "kicks", dash: [] },
  { name: "outbox", label: "outbox", dash: [8, 3, 2, 3] },
];

const place = byId("chart", HTMLElement);
const text = byId("chart-text", HTMLElement);
/** @type {Point[]} */
let points = [];
/** @type {UPlot | undefined} */
let chart;

// A canvas takes no colours from a style sheet, so the chart is made again for the other theme.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", make);
new ResizeObserver(() => chart?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);

/** @param {readonly Point[]} added */
export function showPoints(added) {
  points = [...points, ...added].slice(-SECONDS);
  if (chart === undefined) make();
  else chart.setData(data());
  const last = points.at(-1);
  if (last !== undefined)
    text.textContent = `In the last second: ${SERIES.map(({ name, label }) => `${last[name]} ${label}`).join(", ")}.`;
}

function make() {
  chart?.destroy();
  const style = getComputedStyle(place);
  const [ink, rule] = [style.getPropertyValue("--soft"), style.getPropertyValue("--rule")];
  const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 } };
  chart = new UPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      cursor: { y: false },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
      axes: [axis, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] }],
      series: [
        { label: "at", value: "{HH}:{mm}:{ss}" },
        ...SERIES.map(({ name, label, dash }) => ({
          label,
          dash,
          stroke: style.getPropertyValue(`--series-${name}`),
          width: 2,
          points: { show: false },
        })),
      ],
    },
    data(),
    place,
  );
}

/** One row of seconds, and one row for each series, as the chart takes them. The time before the first point is empty. */
function data() {
  const last = points.at(-1)?.second ?? Math.floor(Date.now() / 1_000);
  const empty = Array.from({ length: SECONDS - points.length }, (_, index) => last - SECONDS + 1 + index);
  const rows = SERIES.map(({ name }) => [...empty.map(() => null), ...points.map((point) => point[name])]);
  /** @type {import("uplot").AlignedData} */
  const aligned = [[...empty, ...points.map(({ second }) => second)], ...rows];
  return aligned;
}
