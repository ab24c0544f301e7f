/** @import { Mutant } from "./mutants.mjs" */

import { inPackage } from "./suites.mjs";

const connection = "packages/client/src/connection.ts";
const conversation = "packages/client/src/conversation.ts";
const engine = "packages/client/src/engine.ts";
const liveness = "packages/client/src/liveness.ts";

/**
 * @param {string} file
 * @param {string} test a part of a test's name
 */
const client = (file, test) => inPackage("client", file, test);

/** Promises of the client about its attempts and its sockets.
 * @type {readonly Mutant[]} */
export const clientConnectingMutants = [
  {
    name: "client-waits-for-a-close-event-that-never-comes",
    promise:
      "A failed handshake ends the attempt, also with the WebSocket of Node.js 22, which emits no close event",
    file: connection,
    find: 'onClose({ code: 1006, reason: "" });',
    replace: "undefined;",
    tests: client("node-process", "a refused handshake end the attempt at once"),
  },
  {
    name: "client-loses-bytes-of-another-realm",
    promise: "A binary message arrives, whichever realm its ArrayBuffer is of",
    file: connection,
    find: 'received(typeof data === "string" ? data : new Uint8Array(data));',
    replace:
      'if (typeof data === "string" || data instanceof ArrayBuffer) received(typeof data === "string" ? data : new Uint8Array(data));',
    tests: client("faulty-servers", "of another realm"),
  },
  {
    name: "client-throws-at-a-deep-value",
    promise: "No frame of a server makes the client throw",
    file: "packages/protocol/src/server-frames.ts",
    find: "readMembers(value, MISSED)",
    replace: "readMembers(JSON.parse(JSON.stringify(value)), MISSED)",
    tests: client("faulty-servers", "nested 200,000 deep"),
  },
  {
    name: "client-attaches-once-more",
    promise: "A client attaches at most eight times on a connection",
    file: conversation,
    find: "attaches++ >= MAX_ATTACHES",
    replace: "attaches++ === MAX_ATTACHES",
    tests: client("faulty-servers", "gets at most eight"),
  },
  {
    name: "client-probes-a-plain-server",
    promise: "The client sends no probe to a server without the protocol",
    file: liveness,
    find: "      stop();\n      lastFrameAt = 0;\n    },",
    replace: "      stop();\n    },",
    tests: client("time", "sends a probe to a server without the protocol"),
  },
  {
    name: "client-waits-longer-with-each-event",
    promise: "Events of the page do not extend the time limit of a probe",
    file: liveness,
    find: "if (lastFrameAt && Math.abs",
    replace: "if (Math.abs",
    tests: client("time", "do not extend the time limit"),
  },
  {
    name: "client-connects-after-close",
    promise: "A closed client makes no attempt",
    file: engine,
    find: "    const own: Attempt = {};\n",
    replace:
      '    if (live === undefined) setStatus({ status: "connecting" });\n    const own: Attempt = {};\n',
    tests: client("closing", "closed by a listener of the status connecting"),
  },
  {
    name: "client-comes-back-to-life",
    promise: "closed is the last status",
    file: engine,
    find: "if (closing !== undefined || (event.status === status",
    replace: "if ((event.status === status",
    tests: client("closing", "closed by the function of its address"),
  },
  {
    name: "client-does-not-reconnect-now",
    promise: "reconnect() opens a new connection now",
    file: engine,
    find: "page.isFresh = true;\n      if (closing === undefined) connect();",
    replace: "page.isFresh = true;\n      if (closing === undefined && attempt === undefined) connect();",
    tests: client("attempts", "begins a new attempt although"),
  },
  {
    name: "client-keeps-a-process-alive",
    promise: "No timer is left after close()",
    file: engine,
    find: 'cancel = startTimer(settings.silenceMs, () => fail("timeout"));',
    replace: 'startTimer(settings.silenceMs, () => fail("timeout"));',
    tests: client("node-process", "while its address is awaited"),
  },
  {
    name: "client-storms-a-server-that-restarts",
    promise: "The delays grow also after 1012, if no connection lasts",
    file: "packages/client/src/backoff.ts",
    find: "livedMs >= 0 && failures < MAX_RESTARTS &&",
    replace: "livedMs >= 0 && failures < 100 * MAX_RESTARTS &&",
    tests: client("time", "is a restart three times"),
  },
  {
    name: "client-moves-without-a-pause",
    promise: "A server that requests a new connection after each hello does not get one after the other",
    file: "packages/client/src/backoff.ts",
    find: "return isFirst ? 0 : longest;",
    replace: "return isFirst ? 0 : 0 * longest;",
    tests: client("time", "is tried again at once"),
  },
  {
    name: "client-moves-late-for-ever",
    promise: "After a stable connection a requested connection is opened at once",
    file: "packages/client/src/backoff.ts",
    find: "      lived();\n      const isFirst",
    replace: "      const isFirst",
    tests: client("time", "is tried again at once"),
  },
  {
    name: "client-sends-now-what-ends-the-connection",
    promise: "sendNow refuses a message that is too long for the server",
    file: connection,
    find: "if (bytesOf(message) >= page.maxMessage) throw",
    replace: "if (bytesOf(message) > page.maxMessage) throw",
    tests: client("faulty-servers", "sendNow throws TOO_LARGE"),
  },
  {
    name: "client-limits-a-plain-server",
    promise: "The limit of an earlier server does not hold for a server without the protocol",
    file: connection,
    find: "      if (connection.isPlain) return send(message);\n      // The",
    replace: "      // The",
    tests: client("faulty-servers", "sends a message of any length"),
  },
  {
    name: "client-waits-after-its-clock-was-set-back",
    promise: "A connection that lived resets the delays, also if the clock was set back",
    file: "packages/client/src/backoff.ts",
    find: "const ms = Math.abs(Date.now() - liveSince);",
    replace: "const ms = Date.now() - liveSince;",
    tests: client("time", "also if the clock was set back meanwhile"),
  },
];
