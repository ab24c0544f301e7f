/** @import { Mutant } from "./mutants.mjs" */

import { inPackage } from "./suites.mjs";

const conversation = "packages/client/src/conversation.ts";

/** @param {string} test a part of a case's name */
const suite = (test) => inPackage("client", "client", test);

/** Promises of the client: the replay of kept messages, the end of a connection, the options.
 * @type {readonly Mutant[]} */
export const clientMutants = [
  {
    name: "client-position-stays",
    promise: "I15: a delivered message does not come again",
    file: conversation,
    find: "moveTo({ offset, chain });",
    replace: "moveTo({ offset: offset - 1, chain });",
    tests: suite("a position is an offset"),
  },
  {
    name: "client-passes-what-nobody-heard",
    promise: "I16: a message that arrived without a listener comes again",
    file: conversation,
    find: "isBehind ||= !listeners.hasListener();",
    replace: "isBehind ||= !listeners.hasListener() && false;",
    tests: suite("does not pass a message without a listener"),
  },
  {
    name: "client-reads-twice",
    promise: "I15: while two connections are open, kept messages are taken from the one that attached last",
    file: conversation,
    find: "page.reader === conversation && !isBehind;",
    replace: "page.reader !== undefined && !isBehind;",
    tests: suite("going-away"),
  },
  {
    name: "client-witness-forgotten",
    promise: "I19: attach has the witness until the position has passed it",
    file: conversation,
    find: "witness.offset > at.offset ? witness",
    replace: "witness.offset > at.offset + 1 ? witness",
    tests: suite("a jump moves the position"),
  },
  {
    name: "client-missed-unreported",
    promise: "I16: offsets that are no longer kept are reported",
    file: conversation,
    find: "if (!isReading()) return;\n    if (!certain)",
    replace: "if (!isReading() || certain) return;\n    if (!certain)",
    tests: suite("I16 missed"),
  },
  {
    name: "client-shares-its-bytes",
    promise: "A binary message has its own memory",
    file: conversation,
    find: "data: message.slice(), offset",
    replace: "data: message, offset",
    tests: suite("a binary message"),
  },
  {
    name: "client-replaced-comes-back",
    promise: "A client that was replaced does not come back by itself",
    file: "packages/client/src/backoff.ts",
    find: '  4409: "replaced",\n',
    replace: "",
    tests: suite("close code 4409 ends"),
  },
  {
    name: "client-silence-endures",
    promise: "A connection on which no data arrives any more is ended",
    file: "packages/client/src/liveness.ts",
    find: "lateTimers++ === MAX_LATE_TIMERS) onDead();",
    replace: "lateTimers++ === MAX_LATE_TIMERS) lateTimers > 100 ? onDead() : wait();",
    tests: inPackage("client", "liveness"),
  },
  {
    name: "client-reads-unreported",
    promise: "The client reports its position if the server asks for acks",
    file: conversation,
    find: "else if (unread === 1) startTimer",
    replace: "else if (unread === 0) startTimer",
    tests: suite("if hello asks for acks"),
  },
  {
    name: "client-believes-in-a-clock-that-was-set-back",
    promise: "A silent server is detected in the same time if the clock is set back",
    file: "packages/client/src/liveness.ts",
    find: "liveness.silenceMs - Math.abs(Date.now() - lastFrameAt)",
    replace: "liveness.silenceMs - (Date.now() - lastFrameAt)",
    tests: inPackage("client", "time", "set back"),
  },
  {
    name: "client-empty-parameter",
    promise: "An empty option, such as renewalParameter, is refused",
    file: "packages/client/src/options.ts",
    find: 'if (given === "" || (typeof',
    replace: 'if ((given === "" && kind === "") || (typeof',
    tests: inPackage("client", "options"),
  },
  {
    name: "client-parameter-of-a-token-unchecked",
    promise: "A wrong queryParameter of a token's storage is refused",
    file: "packages/client/src/options.ts",
    find: 'given.token?.queryParameter ?? "token"',
    replace: '(given.token && undefined) ?? "token"',
    tests: inPackage("client", "options"),
  },
  {
    name: "client-sends-the-memory-of-other-buffers",
    promise: "A Buffer is sent without the memory that it shares with other Buffers",
    file: "packages/client/src/connection.ts",
    find: "new Uint8Array(frame).buffer",
    replace: "frame.slice().buffer",
    tests: inPackage("client", "attempts", "a Buffer is sent to a plain server"),
  },
  {
    name: "client-keeps-no-copy-of-a-buffer",
    promise: "A message is sent as it was at the call of `send`",
    file: "packages/client/src/outgoing.ts",
    find: "new Uint8Array(message)",
    replace: "message.slice()",
    tests: inPackage("client", "attempts", "a Buffer that the application overwrites"),
  },
  {
    name: "client-tells-the-token",
    promise: "The reason of a failed attempt does not show the query of an address",
    file: "packages/client/src/engine.ts",
    find: "fail(withoutQuery(String(error)))",
    replace: 'fail(withoutQuery("") + String(error))',
    tests: inPackage("client", "attempts", "does not show the query"),
  },
  {
    name: "client-hangs-at-an-error-without-a-text",
    promise: "Every failure of the address counts as a failed attempt, and no rejection ends the process",
    file: "packages/client/src/engine.ts",
    find: '.catch(() => fail("error"))',
    replace: ".catch(() => {})",
    tests: inPackage("client", "attempts", "a value without a text"),
  },
  {
    name: "client-never-recovers-from-a-damaged-token",
    promise: "A damaged token in the storage reaches the server, which can refuse it",
    file: "packages/client/src/engine.ts",
    find: "protocols.push(`wsession.${encoded}`)",
    replace: "protocols.push(`wsession.${secret}`)",
    tests: inPackage("client", "attempts", "a damaged token"),
  },
  {
    name: "client-keeps-the-fragment",
    promise: "A fragment of the address does not swallow the token in the query",
    file: "packages/client/src/engine.ts",
    find: '.replace(/#.*/s, "")',
    replace: "",
    tests: inPackage("client", "attempts", "a fragment of the address"),
  },
];
