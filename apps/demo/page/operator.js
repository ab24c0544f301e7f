/** The operator's page: shows each overview of the stream, and sends the operator's actions. */
import { byId } from "./dom.js";
import { log } from "./log.js";
import { showCards } from "./process-cards.js";
import { showSessions } from "./session-rows.js";
import { showPoints } from "./timeline.js";

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
function show({ processes, sessions, redis, points, events }) {
  showCards(processes, redis, (action, process) => void act(action, process));
  showSessions(sessions);
  showPoints(points);
  for (const event of events) showEvent(event);
  const running = processes.filter(({ state }) => state === "running").length;
  const connections = processes.reduce((sum, process) => sum + process.connections, 0);
  set("total-processes", `${running} of ${processes.length}`);
  set("total-connections", String(connections));
  set("total-sessions", String(sessions.length));
}

/** @param {OperatorEvent} event */
function showEvent({ kind, process, text, at }) {
  log(TAGS[kind], process === 0 || kind === "process" ? text : `Process ${process}: ${text}`, "", {
    tag: kind,
    at,
  });
}

/**
 * @param {Action} action
 * @param {number | undefined} process
 */
async function act(action, process) {
  const path = process === undefined ? `/operator/${action}` : `/operator/processes/${process}/${action}`;
  try {
    const response = await fetch(path, { method: "POST" });
    byId("answer", HTMLElement).textContent = response.ok ? "" : await response.text();
  } catch {
    byId("answer", HTMLElement).textContent = "The demo does not answer.";
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
