/** Things to try, ticked off as they are done. */
import { byId, make, rich } from "./dom.js";

/** @typedef {"change" | "drop" | "return" | "tab" | "kill" | "count" | "away" | "logout" | "expire" | "destroy"} Step */

/** @type {readonly (readonly [Step, string, string])[]} */
const ALL = [
  ["change", "Change something", "A name, a colour, a note."],
  ["drop", "Drop the connection", "The server ends the socket without a closing handshake."],
  ["return", "Come back through another server", "Same id, same data, same version."],
  ["tab", "Change it from a second tab", "Both tabs show the change at once."],
  [
    "kill",
    "Kill the process that serves you",
    "`kill -9` ends the process. The page comes back through another process.",
  ],
  [
    "count",
    "Count to 100, and break it in the middle",
    "Compare a transaction for each message with a plain WebSocket.",
  ],
  [
    "away",
    "Miss nothing",
    "The server drops you. Messages that it sends meanwhile arrive when you are back.",
  ],
  ["logout", "Log in, and log out everywhere", "Every tab of every browser of that user is closed."],
  [
    "expire",
    "Let the session expire",
    "The deadline is in the store: `4419` means that the session is over.",
  ],
  ["destroy", "Destroy the session", "Every tab is closed with `4410`: the session is gone for good."],
];

const list = byId("steps", HTMLOListElement);
/** @type {Map<Step, HTMLLIElement>} */
const items = new Map();

/** @param {(step: Step) => boolean} fits */
export function showSteps(fits) {
  if (items.size > 0) return;
  for (const [step, title, text] of ALL) {
    if (!fits(step)) continue;
    const item = make("li", {}, [
      make("strong", { text: title }),
      make("span", { className: "unseen state", text: " (to do)" }),
      make("span", { className: "hint" }, rich(text)),
    ]);
    items.set(step, item);
    list.append(item);
  }
}

/** @param {Step} step */
export function tick(step) {
  const item = items.get(step);
  if (item === undefined || item.classList.contains("done")) return;
  item.classList.add("done");
  const state = item.querySelector(".state");
  if (state !== null) state.textContent = " (done)";
}
