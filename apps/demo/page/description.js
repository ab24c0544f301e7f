/** Sets the texts that describe the demo. Called once. */
import { byId } from "./dom.js";

/** @param {import("../src/messages.ts").DemoDescription} description */
export function showDescription({ store, endpoints, idleMs, absoluteMs }) {
  const redis = store === "redis";
  if (redis) byId("headline", HTMLElement).textContent = "One session, several processes";
  else if (endpoints.length === 1)
    byId("headline", HTMLElement).textContent = "One session, many connections";
  byId("session-node-kind", HTMLElement).textContent = redis ? "Session, in Redis" : "Session, in a map";
  byId("frame", HTMLElement).hidden = redis;
  if (endpoints.length > 1)
    byId("second-tab", HTMLElement).textContent = "Open a second tab, through another server";
  byId("frame-label", HTMLElement).textContent = `One Node.js process, pid ${endpoints[0]?.pid}`;
  byId("deadlines", HTMLElement).textContent =
    `after ${Math.round(idleMs / 60_000)} minutes without a message, ${Math.round(absoluteMs / 3_600_000)} hours at most`;
}
