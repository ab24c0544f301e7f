/** The sessions of the store: data, version, deadlines, and which processes hold them. */
import { byId, make } from "./dom.js";

/** @typedef {import("../src/operator/contract.ts").SessionRow} SessionRow */
/** @typedef {{ item: HTMLLIElement, summary: HTMLElement, id: HTMLElement, facts: HTMLElement, data: HTMLElement }} Row */

const list = byId("sessions", HTMLUListElement);
const empty = byId("no-sessions", HTMLElement);
/** @type {Map<string, Row>} */
const shown = new Map();
/** The rows of sessions that have ended. Each stays until a new session needs a row, because the rows below it would move. @type {Row[]} */
const ended = [];

/** @param {readonly SessionRow[]} sessions */
export function showSessions(sessions) {
  const ids = new Set(sessions.map(({ id }) => id));
  for (const [id, row] of shown) if (!ids.has(id)) end(id, row);
  for (const session of sessions) showSession(session);
  empty.hidden = list.children.length > 0;
}

/**
 * @param {string} id
 * @param {Row} row
 */
function end(id, row) {
  shown.delete(id);
  ended.push(row);
  row.item.classList.add("ended");
  row.summary.lastElementChild?.replaceWith(make("span", { className: "soft", text: "no longer listed" }));
}

/** @param {SessionRow} session */
function showSession({ id, version, data, expiresAt, idleExpiresAt, holders }) {
  const row = rowOf(id);
  const colour = "colour" in data ? String(data.colour) : "";
  const name = "name" in data ? String(data.name) : id;
  row.item.dataset["colour"] = colour;
  row.summary.replaceChildren(
    make("span", { className: "dot" }),
    make("strong", { text: name }),
    make("span", { className: "soft", text: `version ${version}, ${holdersText(holders)}` }),
  );
  row.facts.textContent = `expires ${clock(idleExpiresAt)} without a message, ${clock(expiresAt)} at the latest`;
  const text = JSON.stringify(data, undefined, 2);
  if (row.data.textContent !== text) row.data.textContent = text;
}

/** @param {string} id */
function rowOf(id) {
  const known = shown.get(id);
  if (known !== undefined) return known;
  const row = ended.shift() ?? newRow();
  row.item.classList.remove("ended");
  row.id.textContent = id;
  shown.set(id, row);
  return row;
}

/** @returns {Row} */
function newRow() {
  const [summary, id] = [make("summary"), make("code")];
  const [facts, data] = [make("p", { className: "soft" }), make("pre")];
  const details = make("details", {}, [summary, make("p", { className: "soft" }, [id]), facts, data]);
  const item = make("li", {}, [details]);
  list.append(item);
  return { item, summary, id, facts, data };
}

/** @param {SessionRow["holders"]} holders */
function holdersText(holders) {
  if (holders.length === 0) return "no connection";
  return holders.map(({ process, connections }) => `process ${process}: ${connections}`).join(", ");
}

/** @param {number} at */
function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}
