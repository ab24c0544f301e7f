/** @import { Mutant } from "./mutants.mjs" */

import { core, inPackage, tests } from "./suites.mjs";

const channels = (/** @type {string} */ test) => tests("telemetry/channels.test.ts", test);
const context = (/** @type {string} */ test) => tests("telemetry/context.test.ts", test);

/** Promises of telemetry: no listener, no cost; no secret; the context of a handshake.
 * @type {readonly Mutant[]} */
export const telemetryMutants = [
  {
    name: "telemetry-message-unguarded",
    promise: "a message is not published while no channel has a listener",
    file: "packages/core/src/connection/connection.ts",
    find: "if (telemetry.message.isObserved) return this.observeMessage(data);",
    replace: "if (this.number >= 0) return this.observeMessage(data);",
    tests: channels("nothing is published"),
  },
  {
    name: "telemetry-open-unguarded",
    promise: "the opening of a connection is not published while no channel has a listener",
    file: "packages/core/src/server/binding.ts",
    find: "if (telemetry.connectionOpen.hasSubscribers)",
    replace: "if (connection.number >= 0)",
    tests: channels("nothing is published"),
  },
  {
    name: "telemetry-store-unguarded",
    promise: "calls of the store are not published while no channel has a listener",
    file: "packages/core/src/api/resolve-options.ts",
    find: "telemetry.storeCall.isObserved ?",
    replace: "telemetry.storeCall !== undefined ?",
    tests: channels("nothing is published"),
  },
  {
    name: "telemetry-error-text",
    promise: "the text of an application's error is not published",
    file: "packages/core/src/base/operation.ts",
    find: "event.errorType = errorTypeOf(error);",
    replace: "event.errorType = `${errorTypeOf(error)} ${String(error)}`;",
    tests: channels("no payload has a secret"),
  },
  {
    name: "telemetry-subject-as-session",
    promise: "a subject is not published",
    file: "packages/core/src/store/observed-store.ts",
    find: "OF_ONE_SESSION.has(method) ? idIn(args[0]) : undefined;",
    replace: "OF_ONE_SESSION.has(method) ? idIn(args[0]) : idIn(args[0]);",
    tests: channels("no payload has a secret"),
  },
  {
    name: "telemetry-context-lost",
    promise: "the context of the handshake reaches the handlers of the connection",
    file: "packages/core/src/server/binding.ts",
    find: "moveContext(admitted, connection);",
    replace: "moveContext(connection, admitted);",
    tests: context("a context goes from the handshake"),
  },
  {
    name: "telemetry-listener-throws",
    promise: "what a listener of onTelemetry throws does not reach the process",
    file: "packages/core/src/base/promises.ts",
    find: "    failed(error);\n    return undefined;",
    replace: "    throw error;",
    tests: context("a listener that throws or rejects"),
  },
  {
    name: "telemetry-health-stays-bad",
    promise: "the end of an outage is published",
    file: "packages/core/src/session/outages.ts",
    find: "telemetry.storeHealth.publish({ ok: true,",
    replace: "telemetry.storeHealth.publish({ ok: false,",
    tests: core("outages"),
  },
  {
    name: "telemetry-metric-renamed",
    promise: "the page, the alert rules and the dashboard have the names of the export",
    file: "packages/opentelemetry/src/counters.ts",
    find: 'name: "wsession.rereads"',
    replace: 'name: "wsession.reread"',
    tests: inPackage("opentelemetry", "page", "has each metric that is exported"),
  },
  {
    name: "telemetry-payload-larger",
    promise: "the page has each field of a payload",
    file: "packages/core/src/base/telemetry.ts",
    find: "telemetry.sessionDestroy.publish({ sessionId, cause });",
    replace: "telemetry.sessionDestroy.publish(Object.assign({ sessionId, cause }, { planted: 1 }));",
    tests: tests("telemetry/page.test.ts", "has each field that is really published"),
  },
  {
    name: "telemetry-store-unchecked",
    promise: "instrument() refuses a store whose counters or latency can't be exported",
    file: "packages/opentelemetry/src/redis-metrics.ts",
    find: '(value) => typeof value === "number",',
    replace: "() => true,",
    tests: inPackage("opentelemetry", "otel", "refuse a store without the counters"),
  },
];
