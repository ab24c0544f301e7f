/**
 * The event log. The newest entry is the last one, so that the entries that a person reads do not move. An entry that repeats
 * within a second is counted.
 */
import { byId, make, rich } from "./dom.js";

const MOST_ENTRIES = 200;
const SAME_WITHIN_MS = 1_000;
/** A list whose end is nearer than this, in pixels, follows its newest entry. */
const NEAR = 40;

const list = byId("log", HTMLOListElement);
/** @type {{ key: string, at: number, times: number, badge: HTMLElement } | undefined} */
let latest;

document.getElementById("clear")?.addEventListener("click", clearLog);

export function clearLog() {
  list.replaceChildren();
  latest = undefined;
}

/**
 * @param {"open" | "sent" | "received" | "closed" | "page"} kind
 * @param {string} text `Backticks` mark code.
 * @param {string} [key] Entries with the same key that follow each other within a second are shown once, with their number.
 * @param {{ readonly tag?: string, readonly at?: number }} [options] Another tag than the kind, and when it happened (milliseconds since the epoch).
 */
export function log(kind, text, key = "", { tag = kind, at = Date.now() } = {}) {
  const now = at;
  if (key !== "" && latest?.key === key && now - latest.at < SAME_WITHIN_MS) {
    latest.times += 1;
    latest.at = now;
    latest.badge.textContent = ` × ${latest.times}`;
    latest.badge.previousElementSibling?.replaceChildren(...rich(text));
    return;
  }
  const badge = make("span", { className: "times" });
  const time = make("time", { text: clock(new Date(now)) });
  const entry = make("li", {}, [
    time,
    make("span", { className: "tag", text: tag }),
    make("p", {}, [make("span", {}, rich(text)), badge]),
  ]);
  entry.dataset.kind = kind;
  // Whoever scrolled up to read stays where they are.
  const isFollowed = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
  list.append(entry);
  while (list.children.length > MOST_ENTRIES) list.firstElementChild?.remove();
  if (isFollowed) list.scrollTop = list.scrollHeight;
  latest = { key, at: now, times: 1, badge };
}

/** @param {Date} date */
function clock(date) {
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) =>
    pad(value, 2),
  );
  return `${hours}:${minutes}:${seconds}.${pad(date.getMilliseconds(), 3)}`;
}

/**
 * @param {number} value
 * @param {number} digits
 */
function pad(value, digits) {
  return String(value).padStart(digits, "0");
}
