/** Finds out at run time whether the runtime closes sockets that were upgraded inside their own cork. */
import type { HttpResponse } from "uWebSockets.js";
import { requestSelf } from "./loopback.ts";

/**
 * After `Connection: close` a runtime with the fault closes each such socket, and not only some, because it takes the WebSocket for a
 * response that is complete.
 */
const FIELDS = [
  "Connection: close",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];
/** The number of sockets that must stay open before the workaround ends. */
const SOCKETS = 3;

/** Corks a response while the answer is written. */
type Cork = (response: HttpResponse, answer: () => void) => void;

const ownCork: Cork = (response, answer) => void response.cork(answer);

let judging: Promise<void> | undefined;
/** The prototype of the responses of a runtime without the fault. */
let sound: object | undefined;

/**
 * Whether an asynchronous upgrade of this response must not be answered inside its own cork. True until `examine` has found that
 * this copy of the runtime does not have the fault. Always true for a response of an SSLApp, whose memory has another layout.
 */
export function mayBeClosed(response: HttpResponse): boolean {
  return sound === undefined || Object.getPrototypeOf(response) !== sound;
}

/** Examines the runtime once in this thread. Never rejects: if the runtime can't be examined, the workaround stays. */
export function examine(probe: typeof staysOpen = staysOpen): Promise<void> {
  judging ??= judge(probe).catch(() => undefined);
  return judging;
}

async function judge(probe: typeof staysOpen): Promise<void> {
  let prototype: object | undefined;
  for (let count = 0; count < SOCKETS; count += 1) {
    prototype = await probe(ownCork);
    if (prototype === undefined) return;
  }
  sound = prototype;
}

/** Upgrades a connection of this process to itself. Resolves with the prototype of its response if the socket stays open. */
export async function staysOpen(cork: Cork): Promise<object | undefined> {
  let hasEnded = false;
  const { response, client, upgrade } = await requestSelf(FIELDS, () => {
    hasEnded = true;
  });
  // An upgrade inside the runtime's callback, in which Node runs the microtasks too, is not asynchronous.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  if (hasEnded) throw new Error("the connection to this process ended");
  const prototype: unknown = Object.getPrototypeOf(response);
  cork(response, () => {
    response.writeStatus("101 Switching Protocols");
    upgrade(() => {
      hasEnded = true;
    });
  });
  const isOpen = !hasEnded;
  client.destroy();
  return isOpen && typeof prototype === "object" && prototype !== null ? prototype : undefined;
}
