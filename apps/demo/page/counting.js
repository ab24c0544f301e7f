/** "Count to 100": the same messages with wsession and over a plain WebSocket, and the results of both counters. */
import { byId } from "./dom.js";
import { log } from "./log.js";
import { PlainCounting } from "./plain.js";
import { tick } from "./steps.js";
import * as words from "./words-counting.js";

/** @typedef {import("../src/messages.ts").Report} Report */
/** @typedef {import("../src/messages.ts").SessionView} SessionView */
/** @typedef {{ readonly port: number, readonly path: string | undefined, readonly connection: string }} Place Where the plain WebSocket connects, and the connection of the session. */

/**
 * @typedef {object} Counting
 * @property {string} run
 * @property {PlainCounting} plain
 * @property {number} settled Messages whose `send` has resolved or rejected.
 * @property {Map<string, number>} refused How many `send`s rejected with each code.
 * @property {number} count The counter in the session, as this page received it last.
 * @property {Map<number, number>} answers How often each message was answered.
 * @property {boolean} isSure Whether the session was received after all messages were settled.
 * @property {boolean} isOver
 */

const PRESSES = 100;

const start = byId("count-start", HTMLButtonElement);
const breakOff = byId("count-break", HTMLButtonElement);

/** @type {Counting | undefined} */
let counting;
/** @type {Place | undefined} */
let place;
let isMortal = false;

/**
 * @param {() => import("./client.js").Client | undefined} client
 * @param {() => void} look Requests the current session.
 * @param {() => void} broke Called when the visitor broke the connection.
 */
export function listenToCounting(client, look, broke) {
  start.addEventListener("click", () => {
    const current = client();
    if (isPressable(start) && current !== undefined) count(current, look);
  });
  breakOff.addEventListener("click", () => {
    if (!isPressable(breakOff) || counting === undefined || place === undefined) return;
    broke();
    log("page", words.breaking(isMortal));
    counting.plain.send(JSON.stringify({ type: "break", connection: place.connection }));
  });
}

/** @param {boolean} mortal Whether the sessions survive the process. */
export function showHowToBreak(mortal) {
  isMortal = mortal;
  byId("counting-limits", HTMLElement).hidden = mortal;
  breakOff.textContent = mortal ? "Kill the process in the middle" : "Cut both connections in the middle";
}

/** @param {Place | undefined} now `undefined` while there is no connection. */
export function placeCounting(now) {
  place = now;
  show();
}

/** @param {SessionView} session */
export function countInSession({ data }) {
  if (counting === undefined) return;
  const { run } = counting;
  counting.count = data.runs?.find((known) => known.run === run)?.count ?? counting.count;
  counting.isSure = counting.settled === PRESSES;
  show();
}

/** @param {Extract<Report, { type: "pressed" }>} answer */
export function countAnswered({ run, number, count: counted }) {
  // Each tab of the session gets the answers.
  if (counting === undefined || counting.run !== run) return;
  counting.answers.set(number, (counting.answers.get(number) ?? 0) + 1);
  counting.count = Math.max(counting.count, counted);
  show();
}

/**
 * @param {import("./client.js").Client} client
 * @param {() => void} look
 */
function count(client, look) {
  const run = crypto.randomUUID();
  const messages = Array.from({ length: PRESSES }, (_, index) =>
    JSON.stringify({ type: "press", run, number: index + 1 }),
  );
  const plain = new PlainCounting(run, messages, plainAddress, show);
  /** @type {Counting} */
  const started = {
    run,
    plain,
    settled: 0,
    refused: new Map(),
    count: 0,
    answers: new Map(),
    isSure: false,
    isOver: false,
  };
  counting = started;
  log("sent", `\`${messages[0]}\` and ${PRESSES - 1} more, twice`);
  const settled = () => {
    started.settled += 1;
    if (started.settled === PRESSES) look();
    // No further answer arrives.
    if (client.status === "closed") started.isSure = true;
    show();
  };
  for (const message of messages) {
    client.send(message).then(settled, (/** @type {unknown} */ error) => {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      started.refused.set(code, (started.refused.get(code) ?? 0) + 1);
      settled();
    });
  }
  show();
}

function plainAddress() {
  if (place?.path === undefined) return undefined;
  return `ws://${location.hostname}:${place.port}${place.path}`;
}

function show() {
  const running = counting !== undefined && !counting.isOver;
  setPressable(start, place !== undefined && !running);
  setPressable(breakOff, running && place !== undefined && counting?.plain.isOpen === true);
  if (counting === undefined) return;
  const { plain, settled, count: counted } = counting;
  showLane("exact", settled, counted, words.exact(counting, place !== undefined));
  showLane("plain", PRESSES - plain.unanswered, plain.count, words.plain(plain));
  if (counting.isOver || !counting.isSure || plain.unanswered > 0) return;
  counting.isOver = true;
  plain.end();
  log("page", `Counted to 100: ${counted} with wsession, ${plain.count} over the plain WebSocket`);
  if (plain.breaks > 0) tick("count");
  show();
}

/**
 * @param {"exact" | "plain"} lane
 * @param {number} done
 * @param {number} counted
 * @param {words.Verdict} verdict
 */
function showLane(lane, done, counted, { outcome, text }) {
  byId(`${lane}-count`, HTMLOutputElement).textContent = String(counted);
  byId(`${lane}-progress`, HTMLProgressElement).value = done;
  const verdict = byId(`${lane}-verdict`, HTMLElement);
  // A screen reader would read each text that is set.
  if (verdict.textContent !== text) verdict.textContent = text;
  const article = verdict.closest("article");
  if (article !== null) article.dataset["outcome"] = outcome;
}

/** @param {HTMLButtonElement} button */
function isPressable(button) {
  return button.getAttribute("aria-disabled") !== "true";
}

/**
 * The button stays focusable: who pressed it must not lose their place on the page.
 *
 * @param {HTMLButtonElement} button
 * @param {boolean} pressable
 */
function setPressable(button, pressable) {
  button.setAttribute("aria-disabled", String(!pressable));
}
