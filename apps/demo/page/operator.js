/** The operator's page: shows each overview of the stream, and sends the operator's actions. */
import { byId } from "./dom.js";
import { given } from "./given.js";
import { say } from "./happened.js";
import { clearLog, log } from "./log.js";
import { refused, saying, textOf } from "./words-operator.js";
import { showCards } from "./process-cards.js";
import { showSessions } from "./session-rows.js";
import { forgetPoints, showPoints } from "./timeline.js";

/** @typedef {import("../src/operator/contract.ts").Overview} Overview */
/** @typedef {import("../src/operator/contract.ts").OperatorEvent} OperatorEvent */
/** @typedef {import("../src/operator/contract.ts").Action} Action */

/** The colour of an event's tag. @type {Readonly<Record<OperatorEvent["kind"], "open" | "closed" | "page">>} */
const TAGS = {
  connect: "open",
  resume: "open",
  close: "page",
  kick: "closed",
  conflict: "page",
  error: "closed",
  process: "page",
  redis: "page",
};

const first = given();
// A demo of one process has no overview.
if (first !== undefined) show(first);
const stream = new EventSource("/operator/events");
stream.addEventListener("open", () => showStatus("open", "Live"));
// The browser connects again by itself.
stream.addEventListener("error", () => showStatus("dropped", "The demo does not answer"));
stream.addEventListener("message", ({ data }) => {
  /** @type {Overview} */
  const overview = JSON.parse(data);
  show(overview);
});

/** @param {Overview} overview */
function show({ isWhole, processes, sessions, redis, points, events }) {
  // What was shown before comes again, or is of a demo that has ended.
  if (isWhole) {
    clearLog();
    forgetPoints();
  }
  showCards(processes, redis, (action, process) => void act(action, process));
  showSessions(sessions);
  showPoints(points);
  for (const event of events) log(TAGS[event.kind], textOf(event), "", { tag: event.kind, at: event.at });
  const last = events.at(-1);
  if (last !== undefined) say(saying(last));
  const running = processes.filter(({ state }) => state === "running").length;
  const connections = processes.reduce((sum, process) => sum + process.connections, 0);
  set("total-processes", `${running} of ${processes.length}`);
  set("total-connections", String(connections));
  set("total-sessions", String(sessions.length));
}

/**
 * @param {Action} action
 * @param {number | undefined} process
 */
async function act(action, process) {
  const path = process === undefined ? `/operator/${action}` : `/operator/processes/${process}/${action}`;
  try {
    const response = await fetch(path, { method: "POST" });
    if (!response.ok) say(refused(await response.text()));
  } catch {
    say(refused("The demo does not answer."));
  }
}

/**
 * @param {"open" | "dropped"} phase
 * @param {string} text
 */
function showStatus(phase, text) {
  byId("status", HTMLElement).dataset["phase"] = phase;
  byId("status-text", HTMLElement).textContent = text;
}

/**
 * @param {string} id
 * @param {string} text
 */
function set(id, text) {
  byId(id, HTMLOutputElement).textContent = text;
}
