import { createRequire } from "node:module";
import type { HttpResponse } from "uWebSockets.js";
import { requestSelf } from "./loopback.ts";
import type { OwnRequest } from "./loopback.ts";

/** How long an unused companion is kept, in milliseconds. During this time the companion keeps the process alive. */
const KEPT_MS = 1_000;

/** An HTTP request from this process to itself that stays unanswered, so that its response can be corked. */
let current: OwnRequest | undefined;
let making: Promise<OwnRequest | undefined> | undefined;
let idle: NodeJS.Timeout | undefined;

/**
 * Returns this thread's companion, and creates it if necessary. `undefined` if it cannot be created, or if it
 * belongs to another copy of the runtime than `response`, which does not share this copy's corks.
 */
export async function companionOf(response: HttpResponse): Promise<HttpResponse | undefined> {
  const companion = current ?? (await (making ??= make()));
  if (companion === undefined || !isSameCopy(companion.response, response)) return undefined;
  keepForAWhile();
  return companion.response;
}

function keepForAWhile(): void {
  clearTimeout(idle);
  idle = setTimeout(() => current?.client.destroy(), KEPT_MS);
  idle.unref();
}

async function make(): Promise<OwnRequest | undefined> {
  try {
    return (current = await requestSelf([], () => {
      current = undefined;
    }));
  } catch {
    // The caller works without a companion.
    return undefined;
  } finally {
    making = undefined;
    if (current !== undefined) keepForAWhile();
  }
}

/**
 * Whether two responses are from the same copy of the runtime. Responses of one copy share a prototype,
 * except those of an SSLApp; for these, only one copy may be loaded.
 */
function isSameCopy(one: HttpResponse, other: HttpResponse): boolean {
  if (Object.getPrototypeOf(one) === Object.getPrototypeOf(other)) return true;
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  return (
    other.constructor.name === "uWS.SSLHttpResponse" &&
    loaded.filter((file) => /uws_[^/\\]*\.node$/.test(file)).length === 1
  );
}
