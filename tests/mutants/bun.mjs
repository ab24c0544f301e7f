/** @import { Mutant } from "./mutants.mjs" */

import { tests } from "./suites.mjs";

const index = "packages/adapter-bun/src/index.ts";
const onBun = tests("other-runtimes/bun.test.ts", "adapter-bun passes");

/** Promises of adapter-bun. They need Bun, which the run installs.
 * @type {readonly Mutant[]} */
export const bunMutants = [
  {
    name: "bun-answers-with-a-token",
    promise: "the 101 has no subprotocol unless one was chosen",
    file: index,
    find: '["Sec-WebSocket-Protocol", subprotocol ?? chosen],',
    replace:
      '...(chosen === "" ? [] : [["Sec-WebSocket-Protocol", subprotocol ?? chosen] satisfies [string, string]]),',
    tests: onBun,
  },
  {
    name: "bun-forgets-an-early-end",
    promise: "a connection that was closed in its open handler has its end",
    file: index,
    find: "if (state.end !== undefined) connection.ended(...state.end);",
    replace: "",
    tests: onBun,
  },
  {
    name: "bun-status-of-a-refusal",
    promise: "a refusal has the status of admit's answer",
    file: index,
    find: "new Response(reason, { status, statusText",
    replace: "new Response(reason, { status: status === 503 ? 500 : status, statusText",
    tests: onBun,
  },
  {
    name: "bun-ping-is-silence",
    promise: "a peer's ping is a sign of life",
    file: index,
    find: `    if (state !== undefined) state.isSeen = true;
    passControlFrame(socket, "ping", data);`,
    replace: `    if (state === undefined) return;
    passControlFrame(socket, "ping", data);`,
    tests: onBun,
  },
  {
    name: "bun-leaves-silence-to-the-runtime",
    promise: "fault C: a heartbeat of any length ends silent peers, and does not leave them to Bun's timeout",
    file: "packages/adapter-bun/src/socket.ts",
    find: "heartbeat: (socket, _heartbeatMs, silentHeartbeats = 1) => heartbeat(socket, silentHeartbeats),",
    replace:
      "heartbeat: (socket, heartbeatMs = 0, silentHeartbeats = 1) => heartbeatMs >= 8_000 ? void socket.ping() : heartbeat(socket, silentHeartbeats),",
    tests: tests("other-runtimes/bun.test.ts", "heartbeat of 8 s"),
  },
  {
    name: "bun-keeps-pings-from-sockets",
    promise: "a peer's ping reaches the socket of asWebSocket",
    file: index,
    find: 'passControlFrame(socket, "ping", data);',
    replace: 'if (socket.readyState === 0) passControlFrame(socket, "ping", data);',
    tests: tests("other-runtimes/bun.test.ts", "asWebSocket of"),
  },
];
