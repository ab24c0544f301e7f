/** The timeline: how often each thing happened in each of the last seconds. */
import { UPlot } from "./chart.js";
import { byId } from "./dom.js";

/** @typedef {import("../src/operator/contract.ts").Point} Point */
/** @typedef {import("../src/operator/contract.ts").Counted} Counted */

const SECONDS = 120;
const HEIGHT = 220;
/** Pixels between two labels of the time, at least. */
const LABEL_SPACE = 80;

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

/** The next points come with all that are kept. */
export function forgetPoints() {
  points = [];
}

/** @param {readonly Point[]} added */
export function showPoints(added) {
  points = [...points, ...added].slice(-SECONDS);
  if (chart === undefined) make();
  else chart.setData(data());
  showLatest();
  const last = points.at(-1);
  if (last !== undefined)
    text.textContent = `In the last second: ${SERIES.map(({ name, label }) => `${last[name]} ${label}`).join(", ")}.`;
}

function make() {
  chart?.destroy();
  const style = getComputedStyle(place);
  const [ink, rule] = [style.getPropertyValue("--soft"), style.getPropertyValue("--rule")];
  const axis = {
    stroke: ink,
    font: `12px ${style.fontFamily}`,
    grid: { stroke: rule, width: 1 },
    ticks: { stroke: rule, width: 1 },
  };
  chart = new UPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      cursor: { y: false },
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
      axes: [
        { ...axis, space: LABEL_SPACE, values: (_, seconds) => seconds.map(clock) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
      ],
      series: [
        { label: "at", value: (_, second) => (second === null ? "" : clock(second)) },
        ...SERIES.map(({ name, label, dash }, series) => ({
          label,
          dash,
          stroke: style.getPropertyValue(`--series-${name}`),
          width: 2,
          points: { show: false },
          /** @param {UPlot} _ @param {number | null} __ @param {number} ___ @param {number | null} index */
          value: (_, __, ___, index) =>
            valueOf(index === null ? undefined : pointAt(index), SERIES[series]?.name),
        })),
      ],
    },
    data(),
    place,
  );
  showLatest();
}

/** While the pointer is outside the chart, the legend has the values of the last second. */
function showLatest() {
  if (chart !== undefined && (chart.cursor.idx ?? null) === null) chart.setLegend({ idx: SECONDS - 1 });
}

/** @param {number} index */
function pointAt(index) {
  return points[index - (SECONDS - points.length)];
}

/**
 * @param {Point | undefined} point
 * @param {Counted | undefined} name
 */
function valueOf(point, name) {
  return point === undefined || name === undefined ? "–" : String(point[name]);
}

/** @param {number} second */
function clock(second) {
  return new Date(second * 1_000).toLocaleTimeString("en-GB");
}

/**
 * One row of seconds, and one row for each series, as the chart takes them. The time before the first point is empty. A second without
 * an event is empty too, except beside a peak: the last line at 0 would hide the others, and a red one would look like an error.
 */
function data() {
  const last = points.at(-1)?.second ?? Math.floor(Date.now() / 1_000);
  const empty = Array.from({ length: SECONDS - points.length }, (_, index) => last - SECONDS + 1 + index);
  const rows = SERIES.map(({ name }) => [
    ...empty.map(() => null),
    ...points.map((point, index) => {
      const isFlat = [points[index - 1], point, points[index + 1]].every((near) => (near?.[name] ?? 0) === 0);
      return isFlat ? null : point[name];
    }),
  ]);
  /** @type {import("uplot").AlignedData} */
  const aligned = [[...empty, ...points.map(({ second }) => second)], ...rows];
  return aligned;
}
