/** Which server the next attempt goes to: the visitor's choice first, then the others in turn. */
import { key } from "./diagram.js";

/** @typedef {import("../src/messages.ts").Endpoint} Endpoint */

const VIA = "wsession-demo-via";

/** The key of the server that the visitor chose, or that was used last. */
let wanted = new URLSearchParams(location.search).get("via") ?? sessionStorage.getItem(VIA) ?? "";
/** Whether the wanted server was tried, so that the next attempt goes to another one. */
let isTried = false;

// Remove the parameter, so that a reload connects to the server that the visitor chose since.
history.replaceState(null, "", location.pathname);

/** @param {Endpoint} to */
export function want(to) {
  wanted = key(to);
  isTried = false;
}

/** The latest attempt has succeeded, so the same server comes first again. */
export function succeeded() {
  isTried = false;
}

/** The connection has ended, or the attempt has failed. */
export function failed() {
  isTried = true;
}

/** @param {readonly Endpoint[]} endpoints */
export function nextOf(endpoints) {
  const index = endpoints.findIndex((known) => key(known) === wanted);
  const next = endpoints[(Math.max(index, 0) + (isTried ? 1 : 0)) % endpoints.length];
  if (next === undefined) throw new Error("there is no server");
  isTried = true;
  wanted = key(next);
  sessionStorage.setItem(VIA, wanted);
  return next;
}
