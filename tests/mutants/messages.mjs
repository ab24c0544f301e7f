/** @import { Mutant } from "./mutants.mjs" */

import { inPackage, tests } from "./suites.mjs";

/** Promises of typed messages.
 * @type {readonly Mutant[]} */
export const messageMutants = [
  {
    name: "messages-order-received",
    promise: "I2: messages are handled in order, even if a schema is asynchronous",
    file: "packages/protocol/src/messages/sequence.ts",
    find: "return isPromiseLike(verdict) || this.#tails.has(key) ? this.inOrder",
    replace: "return isPromiseLike(verdict) ? this.inOrder",
    tests: inPackage("protocol", "messages/handlers", "keeps the order"),
  },
  {
    name: "messages-order-sent",
    promise: "messages to a session are sent in the order of the calls",
    file: "packages/protocol/src/messages/senders.ts",
    find: "if (!isPromiseLike(verdict) && !this.#order.isWaiting(key))",
    replace: "if (!isPromiseLike(verdict))",
    tests: inPackage("protocol", "messages/sending", "keeps the order"),
  },
  {
    name: "messages-unchecked-as-received",
    promise: "a payload is checked as the receiver will read it",
    file: "packages/protocol/src/messages/outgoing.ts",
    find: "check(schema, received)",
    replace: "check(schema, [payload, received][0])",
    tests: inPackage("protocol", "messages/sending", "a value that JSON changes"),
  },
  {
    name: "messages-then",
    promise: "A message can't have the name then",
    file: "packages/protocol/src/messages/definition.ts",
    find: 'new Set(["then", "__proto__"])',
    replace: 'new Set(["__proto__"])',
    tests: inPackage("protocol", "messages/definition", "refuses messages called then"),
  },
  {
    name: "messages-inherited-handler",
    promise: "A handler must be an own property, because an inherited member is not a handler",
    file: "packages/protocol/src/messages/handlers.ts",
    find: "Object.hasOwn(given, name) ? given[name] : undefined",
    replace: "given[name]",
    tests: inPackage("protocol", "messages/definition", "each name needs its own handler"),
  },
  {
    name: "messages-brand",
    promise: "A refusal is recognised across copies of the package",
    file: "packages/protocol/src/refusal.ts",
    find: 'Symbol.for("@wsession/protocol TransactionRefused")',
    replace: 'Symbol("@wsession/protocol TransactionRefused")',
    tests: inPackage("protocol", "refusal", "across copies"),
  },
  {
    name: "messages-log",
    promise: "Only the first invalid message of a connection is reported",
    file: "packages/core/src/connection/message-flow.ts",
    find: "if ((this.flow & Flow.Refused) !== 0) return;",
    replace: "",
    tests: tests("messages/messages.test.ts", "that are invalid reach no handler"),
  },
  {
    name: "messages-late-refusal-in-silence",
    promise: "A send that an asynchronous schema refuses is reported if the send is not awaited",
    file: "packages/protocol/src/ownership.ts",
    find: "return isOwner(target) ? target.ownPromise(promise) : withoutUnhandledRejection(promise);",
    replace: "return isOwner(target) ? withoutUnhandledRejection(promise) : promise;",
    tests: tests("messages/messages.test.ts", "unawaited"),
  },
  {
    name: "messages-late-reach-handler",
    promise: "I4: a message that waits for its schema reaches no handler once its connection is ended",
    file: "packages/protocol/src/messages/handlers.ts",
    find: "if (isLate && discardsLate(key)) return undefined;",
    replace: "if (isLate && discardsLate(undefined)) return undefined;",
    tests: tests("messages/late.test.ts"),
  },
  {
    name: "messages-late-uncounted",
    promise: "I4: such a message is counted as discarded",
    file: "packages/core/src/connection/message-flow.ts",
    find: "if (discards) this.binding.diagnostics.messagesDiscarded += 1;",
    replace: "if (discards) this.binding.diagnostics.messagesDiscarded += 0;",
    tests: tests("messages/late.test.ts", "is counted as discarded"),
  },
  {
    name: "messages-late-settled",
    promise: "I21: a numbered message that reached no handler is not settled",
    file: "packages/core/src/framed/numbered-connection.ts",
    find: "if (discards && this.isInTransaction) throw connectionClosedError();",
    replace: "if (discards && this.isEnding && !discards) throw connectionClosedError();",
    tests: tests("messages/late.test.ts", "handled once, on the client's next connection"),
  },
];
