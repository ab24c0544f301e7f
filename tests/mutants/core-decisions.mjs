/** @import { Mutant } from "./mutants.mjs" */

import { core, inPackage, redis, tests } from "./suites.mjs";

/** Promises about what happens between a decision and its effect.
 * @type {readonly Mutant[]} */
export const decisionMutants = [
  {
    name: "decisions-never-overtaken",
    promise: "I9: the destruction of a subject's sessions ends the pending decisions about the subject",
    file: "packages/core/src/session/pending.ts",
    find: "    this.#decisions.bySubject.add(subject, this);\n",
    replace: "",
    tests: tests("overtaken.test.ts", "a destroySubject meanwhile, here"),
  },
  {
    name: "requests-never-overtaken",
    promise:
      "A session that is destroyed while a request for it is under way is not attached to a connection",
    file: "packages/core/src/session/pending.ts",
    find: "decision.sessionEnding ??= ending;",
    replace: "void [decision, ending];",
    tests: tests("overtaken.test.ts", "after it took effect.*destroy of the session meanwhile, here"),
  },
  {
    name: "login-overtaken-in-the-store",
    promise: "I9: if the destruction in the store missed a login, the login destroys its session",
    file: "packages/core/src/session/secrets.ts",
    find: "if (decision?.ending?.code === CloseCode.Destroyed) {",
    replace: "if (decision?.ending?.code === CloseCode.Restarting) {",
    tests: tests("overtaken.test.ts", "identify, .* a destroySubject meanwhile"),
  },
  {
    name: "close-lets-one-call-through",
    promise: "close() waits for a whole operation, not only for its first call of the store",
    file: "packages/core/src/session/store-calls.ts",
    find: "  async counted<Result>(run: () => Promise<Result>): Promise<Result> {\n    this.begin();",
    replace:
      "  async counted<Result>(run: () => Promise<Result>): Promise<Result> {\n    this.#underWay += 0;",
    tests: tests("overtaken.test.ts", "close\\(\\) meanwhile"),
  },
  {
    name: "message-fence-at-the-call",
    promise:
      "I13: an append carries the connection's fence at the time of the append, not of the call of send",
    file: "packages/core/src/session/send-queue.ts",
    find: "this.sender = sender;",
    replace: "this.sender = sender && { fence: sender.fence };",
    tests: tests("overtaken-messages.test.ts", "I13"),
  },
  {
    name: "message-for-whoever",
    promise: "A message to a subject is not kept in a session that belongs to another subject by then",
    file: "packages/core/src/session/send-queue.ts",
    find: "fence: fenceOf(first?.sender), subject: first?.subject };",
    replace: "fence: fenceOf(first?.sender) };",
    tests: tests("overtaken-messages.test.ts", "another subject's meanwhile"),
  },
  {
    name: "fenced-sender-stays",
    promise: "I13: a connection whose message was refused because of its fence ends with 4409",
    file: "packages/core/src/session/send-queue.ts",
    find: "        this.#context.fenced(batch[0]?.sender);\n",
    replace: "",
    tests: core("overtaken-messages"),
  },
  {
    name: "failed-creation-stays-pending",
    promise: "A creation that fails leaves no pending decision behind",
    file: "packages/core/src/session/registry.ts",
    find: "if (decision !== connection.decision) decision.dispose();",
    replace: "",
    tests: core("pending"),
  },
  {
    name: "other-tokens-touch",
    promise: "A handshake moves no idle deadline of the sessions that it does not resume",
    file: "packages/core/src/admission/presented.ts",
    find: "exclusive: false, touch: false };",
    replace: "exclusive: false };",
    tests: inPackage("core", "resumption", "sessions of its other tokens"),
  },
  {
    name: "open-without-session",
    promise: "No handler is called for a connection whose session of initial could not be created",
    file: "packages/core/src/server/binding.ts",
    find: "if (hasFailed) connection.skipOpen();",
    replace: "if (hasFailed && handshake === undefined) connection.skipOpen();",
    tests: inPackage("core", "connections", "no handler is called"),
  },
  {
    name: "carrier-rejects-unhandled",
    promise: "I12: the rejection of a carrier's asynchronous method does not end the process",
    file: "packages/core/src/handshake/carrier-answers.ts",
    find: "for (const value of values) disregard(value);",
    replace: "disregard(values);",
    tests: inPackage("core", "resumption", "value of another type"),
  },
  {
    name: "carrier-token-protocol-unknown",
    promise: "A subprotocol that an asynchronous isTokenProtocol was asked about is not sent back",
    file: "packages/core/src/handshake/carrier-answers.ts",
    find: 'if (typeof answer !== "boolean") throw wrongAnswer("isTokenProtocol", "true or false", [answer]);\n  return answer;',
    replace: "return answer === true;",
    tests: inPackage("core", "resumption", "isTokenProtocol that returns a value of another type"),
  },
  {
    name: "redis-on-error-rejects",
    promise: "I12: an onError of redisStore that rejects does not end the process",
    file: "packages/store-redis/src/base/failures.ts",
    find: "isRefusedPromise(call());",
    replace: "isRefusedPromise(void call());",
    tests: redis("contract", "onError may throw or reject"),
  },
];
