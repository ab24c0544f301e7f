/** The panel that shows the session and lets a visitor change it. */
import { byId, make } from "./dom.js";

/** @typedef {import("../src/messages.ts").SessionView} SessionView */
/** @typedef {import("../src/messages.ts").Command} Command */

const name = byId("name", HTMLInputElement);
const note = byId("note", HTMLInputElement);
const notes = byId("notes", HTMLUListElement);
const count = byId("count", HTMLOutputElement);
const panel = byId("session", HTMLElement);
/** Whether the field has a name that the visitor has not saved yet. Such a name must not be overwritten. */
let typing = false;

/** @param {(command: Command) => void} send */
export function listenToForm(send) {
  name.addEventListener("input", () => (typing = true));
  byId("name-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    typing = false;
    send({ type: "rename", name: name.value });
  });
  byId("colours", HTMLFieldSetElement).addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && isColour(event.target.value)) {
      send({ type: "recolour", colour: event.target.value });
    }
  });
  byId("less", HTMLButtonElement).addEventListener("click", () => send({ type: "count", by: -1 }));
  byId("more", HTMLButtonElement).addEventListener("click", () => send({ type: "count", by: 1 }));
  byId("many", HTMLButtonElement).addEventListener("click", () => {
    for (let sent = 0; sent < 25; sent += 1) send({ type: "count", by: 1 });
  });
  byId("note-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    send({ type: "note", text: note.value });
    note.value = "";
  });
  byId("login-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    send({ type: "login", user: byId("user", HTMLInputElement).value });
  });
  for (const type of /** @type {const} */ (["logout", "away", "expire"]))
    byId(type, HTMLButtonElement).addEventListener("click", () => send({ type }));
  notes.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const id = button?.dataset["id"];
    if (id === undefined) return;
    send({ type: "forget", id });
    note.focus();
  });
}

/**
 * @param {string} value
 * @returns {value is SessionView["data"]["colour"]}
 */
function isColour(value) {
  return ["moss", "sea", "indigo", "plum", "clay", "amber"].includes(value);
}

/** @param {SessionView} session */
export function showSession({ id, version, subject, data }) {
  document.documentElement.dataset["colour"] = data.colour;
  byId("session-id", HTMLElement).textContent = id;
  byId("version", HTMLOutputElement).textContent = String(version);
  byId("session-node-name", HTMLElement).textContent = data.name;
  byId("session-node", HTMLElement).dataset["session"] = "";
  byId("logged-in", HTMLElement).textContent =
    subject === undefined ? "not logged in" : `logged in as ${subject}`;
  if (!typing) name.value = data.name;
  for (const radio of panel.querySelectorAll("input[type=radio]")) {
    if (radio instanceof HTMLInputElement) radio.checked = radio.value === data.colour;
  }
  count.textContent = String(data.count);
  notes.replaceChildren(...data.notes.map(noteItem));
  byId("no-notes", HTMLElement).hidden = data.notes.length > 0;
}

/** @param {SessionView["data"]["notes"][number]} note */
function noteItem({ id, text }) {
  const remove = make("button", { className: "link", text: "Remove" });
  remove.type = "button";
  remove.dataset["id"] = id;
  remove.setAttribute("aria-label", `Remove the note ${text}`);
  return make("li", {}, [make("span", { text }), remove]);
}

/** @param {boolean} enabled */
export function enableForm(enabled) {
  panel.classList.toggle("asleep", !enabled);
  for (const control of panel.querySelectorAll("input, button")) {
    if (control instanceof HTMLInputElement || control instanceof HTMLButtonElement)
      control.disabled = !enabled;
  }
}

/**
 * Describes what changed from `last` to `next`.
 *
 * @param {SessionView | undefined} last
 * @param {SessionView} next
 */
export function difference(last, next) {
  if (last === undefined || last.id !== next.id) return "";
  const { name: newName, colour, count: newCount, notes: newNotes } = next.data;
  const parts = [];
  if (last.data.name !== newName) parts.push(`name is ${newName}`);
  if (last.data.colour !== colour) parts.push(`colour is ${colour}`);
  if (last.data.count !== newCount) parts.push(`counter is ${newCount}`);
  if (last.data.notes.length !== newNotes.length)
    parts.push(`${newNotes.length} ${newNotes.length === 1 ? "note" : "notes"}`);
  const latest = next.data.runs?.at(-1);
  if (latest !== undefined && latest.count !== last.data.runs?.find(({ run }) => run === latest.run)?.count)
    parts.push(`${latest.count} of 100 counted`);
  return parts.join(", ");
}
