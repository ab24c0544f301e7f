/** The cards of the processes and of Redis. */
import { byId, make } from "./dom.js";
import { runtimeName } from "./words.js";

/** @typedef {import("../src/operator/contract.ts").ProcessFacts} ProcessFacts */
/** @typedef {import("../src/operator/contract.ts").RedisFacts} RedisFacts */
/** @typedef {import("../src/operator/contract.ts").Action} Action */
/** @typedef {(action: Action, process: number | undefined) => void} Act */

/**
 * @typedef {object} Card
 * @property {HTMLElement} node
 * @property {HTMLElement} state
 * @property {HTMLElement} facts
 * @property {Map<Action, HTMLButtonElement>} buttons
 */

const STATES = {
  starting: "is starting",
  running: "runs",
  stopped: "stopped (SIGSTOP)",
  silent: "does not report",
};

const cards = byId("cards", HTMLElement);
/** @type {Map<string, Card>} */
const shown = new Map();

/**
 * @param {readonly ProcessFacts[]} processes
 * @param {RedisFacts} redis
 * @param {Act} act
 */
export function showCards(processes, redis, act) {
  for (const process of processes) showProcess(process, act);
  showRedis(redis, act);
}

/**
 * @param {ProcessFacts} process
 * @param {Act} act
 */
function showProcess(process, act) {
  const {
    process: number,
    runtime,
    pid,
    port,
    state,
    connections,
    memoryBytes,
    latencyMs,
    eventLoopDelayMs,
  } = process;
  const card = cardOf(`Process ${number}`, runtimeName(runtime), ["kill", "stop", "continue"], (action) =>
    act(action, number),
  );
  const isUp = state === "running" || state === "silent";
  card.node.dataset["state"] = state === "running" && !process.ok ? "waiting" : state;
  card.state.textContent = state === "running" && !process.ok ? "runs without its store" : STATES[state];
  const parts = [
    `pid ${pid}, port ${port}`,
    `${connections} ${connections === 1 ? "connection" : "connections"}, ${Math.round(memoryBytes / 2 ** 20)} MiB`,
    `event loop late by ${eventLoopDelayMs.toFixed(0)} ms`,
    latencyMs === undefined ? "no answer of the store" : `store answers in ${latencyMs.toFixed(1)} ms`,
  ];
  card.facts.replaceChildren(...parts.map((part) => make("li", { text: part })));
  enable(card, "kill", state !== "starting");
  enable(card, "stop", isUp);
  enable(card, "continue", state === "stopped");
}

/**
 * @param {RedisFacts} redis
 * @param {Act} act
 */
function showRedis({ isOurs, state }, act) {
  /** @type {readonly Action[]} */
  const actions = isOurs ? ["stop-redis", "start-redis"] : [];
  const card = cardOf("Redis", isOurs ? "started by the demo" : "given by --redis", actions, (action) =>
    act(action, undefined),
  );
  card.node.dataset["state"] = state;
  card.state.textContent = state === "running" ? "runs" : "stopped";
  const text = isOurs
    ? "Keeps the sessions on the disk. While Redis is stopped, data can be read, and writes are refused."
    : "The demo did not start this Redis, and does not stop it.";
  card.facts.replaceChildren(make("li", { className: "wraps", text }));
  enable(card, "stop-redis", state === "running");
  enable(card, "start-redis", state === "stopped");
}

/** @type {Readonly<Record<Action, string>>} */
const WORDS = {
  kill: "Kill",
  stop: "Stop",
  continue: "Continue",
  "stop-redis": "Stop",
  "start-redis": "Start",
};

/**
 * @param {string} title
 * @param {string} subtitle
 * @param {readonly Action[]} actions
 * @param {(action: Action) => void} act
 * @returns {Card}
 */
function cardOf(title, subtitle, actions, act) {
  const known = shown.get(title);
  if (known !== undefined) return known;
  const heading = make("h3", { text: title });
  heading.id = `card-${title.replace(/\W/g, "").toLowerCase()}`;
  const state = make("p", { className: "state" });
  const facts = make("ul", { className: "detail" });
  const buttons = new Map(actions.map((action) => [action, button(action, title, () => act(action))]));
  const lamp = make("span", { className: "lamp" });
  lamp.setAttribute("aria-hidden", "true");
  const node = make("article", { className: "card" }, [
    make("p", { className: "kind", text: subtitle }),
    heading,
    make("div", { className: "row state-row" }, [lamp, state]),
    facts,
    make("div", { className: "row" }, [...buttons.values()]),
  ]);
  node.setAttribute("aria-labelledby", heading.id);
  const card = { node, state, facts, buttons };
  shown.set(title, card);
  cards.append(node);
  return card;
}

/**
 * @param {Action} action
 * @param {string} title
 * @param {() => void} press
 */
function button(action, title, press) {
  const isHard = action === "kill" || action === "stop-redis";
  const element = make("button", { className: isHard ? "quiet danger" : "quiet", text: WORDS[action] });
  element.type = "button";
  element.setAttribute("aria-label", `${WORDS[action]} ${title}`);
  element.addEventListener("click", () => {
    if (element.getAttribute("aria-disabled") !== "true") press();
  });
  return element;
}

/**
 * The button stays focusable: who pressed it must not lose their place on the page.
 *
 * @param {Card} card
 * @param {Action} action
 * @param {boolean} enabled
 */
function enable({ buttons }, action, enabled) {
  buttons.get(action)?.setAttribute("aria-disabled", String(!enabled));
}
