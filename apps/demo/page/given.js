/** What the server wrote into the page: the page shows it before anything else. */
import { byId } from "./dom.js";

/** @returns {any} `undefined` if the server has nothing yet. */
export function given() {
  const text = byId("given", HTMLScriptElement).textContent ?? "";
  return text === "" ? undefined : JSON.parse(text);
}
