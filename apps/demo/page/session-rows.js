/** The sessions of the store: data, version, deadlines, and which processes hold them. */
import { byId, make } from "./dom.js";

/** @typedef {import("../src/operator/contract.ts").SessionRow} SessionRow */

const list = byId("sessions", HTMLUListElement);
const empty = byId("no-sessions", HTMLElement);
/** @type {Map<string, { item: HTMLLIElement, summary: HTMLElement, facts: HTMLElement, data: HTMLElement }>} */
const shown = new Map();

/** @param {readonly SessionRow[]} sessions */
export function showSessions(sessions) {
  empty.hidden = sessions.length > 0;
  const ids = new Set(sessions.map(({ id }) => id));
  for (const [id, { item }] of shown) {
    if (ids.has(id)) continue;
    item.remove();
    shown.delete(id);
  }
  for (const session of sessions) showSession(session);
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
    make("span", { className: "soft", text: `version ${version}` }),
    make("span", { className: "soft", text: holdersText(holders) }),
  );
  row.facts.textContent = `expires ${clock(idleExpiresAt)} without a message, ${clock(expiresAt)} at the latest`;
  const text = JSON.stringify(data, undefined, 2);
  if (row.data.textContent !== text) row.data.textContent = text;
}

/** @param {string} id */
function rowOf(id) {
  const known = shown.get(id);
  if (known !== undefined) return known;
  const summary = make("summary");
  const facts = make("p", { className: "soft" });
  const data = make("pre");
  const details = make("details", {}, [
    summary,
    make("p", { className: "soft" }, [make("code", { text: id })]),
    facts,
    data,
  ]);
  const item = make("li", {}, [details]);
  const row = { item, summary, facts, data };
  shown.set(id, row);
  list.append(item);
  return row;
}

/** @param {SessionRow["holders"]} holders */
function holdersText(holders) {
  if (holders.length === 0) return "nobody is connected";
  return holders.map(({ process, connections }) => `process ${process}: ${connections}`).join(", ");
}

/** @param {number} at */
function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}
