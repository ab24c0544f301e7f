/** The strip that shows what just happened. */
import { byId, rich } from "./dom.js";

/** @param {import("./words.js").Saying} saying */
export function say({ title, text }) {
  byId("happened-title", HTMLElement).replaceChildren(...rich(title));
  byId("happened-text", HTMLElement).replaceChildren(...rich(text));
}
