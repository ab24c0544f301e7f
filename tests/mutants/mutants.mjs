import { uwsMutants } from "./adapter-uws.mjs";
import { adapterMutants } from "./adapters.mjs";
import { cliMutants } from "./cli.mjs";
import { bunMutants } from "./bun.mjs";
import { clientMutants } from "./client.mjs";
import { clientConnectingMutants } from "./client-connecting.mjs";
import { clientSendingMutants } from "./client-sending.mjs";
import { commitMutants } from "./commit.mjs";
import { coreMutants } from "./core.mjs";
import { decisionMutants } from "./core-decisions.mjs";
import { connectionMutants } from "./core-connection.mjs";
import { sessionMutants } from "./core-session.mjs";
import { waitingMutants } from "./core-waiting.mjs";
import { writeMutants } from "./core-writes.mjs";
import { demoMutants } from "./demo.mjs";
import { driverMutants } from "./drivers.mjs";
import { loginMutants } from "./logins.mjs";
import { handoverMutants } from "./handover.mjs";
import { httpExpressMutants } from "./http-express.mjs";
import { httpMutants } from "./http.mjs";
import { healthMutants } from "./health.mjs";
import { messageMutants } from "./messages.mjs";
import { operatorMutants } from "./operators.mjs";
import { outboxMutants } from "./outbox.mjs";
import { outboxScriptMutants } from "./outbox-scripts.mjs";
import { presenceMutants } from "./presence.mjs";
import { repeatedPresenceMutants } from "./repeated-presence.mjs";
import { scriptMutants } from "./scripts.mjs";
import { scriptPreludeMutants } from "./script-preludes.mjs";
import { storeConnectionMutants } from "./store-connection.mjs";
import { storeMutants } from "./store-redis.mjs";
import { telemetryMutants } from "./telemetry.mjs";
import { transactionMutants } from "./transactions.mjs";
import { valueMutants } from "./values.mjs";

/**
 * A manual change of a line that keeps a promise. `promise` describes the broken promise. `tests` are vitest's arguments for the tests
 * that must fail.
 *
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} promise
 * @property {string} file
 * @property {string} find stands once in the file
 * @property {string} replace
 * @property {readonly string[]} tests
 * @property {string} [equivalent] why no test can notice it
 */

/** @type {readonly Mutant[]} */
export const mutants = [
  ...sessionMutants,
  ...writeMutants,
  ...decisionMutants,
  ...connectionMutants,
  ...waitingMutants,
  ...coreMutants,
  ...outboxMutants,
  ...commitMutants,
  ...adapterMutants,
  ...uwsMutants,
  ...clientMutants,
  ...clientConnectingMutants,
  ...clientSendingMutants,
  ...loginMutants,
  ...httpExpressMutants,
  ...httpMutants,
  ...handoverMutants,
  ...messageMutants,
  ...transactionMutants,
  ...valueMutants,
  ...telemetryMutants,
  ...cliMutants,
  ...presenceMutants,
  ...repeatedPresenceMutants,
  ...scriptMutants,
  ...scriptPreludeMutants,
  ...outboxScriptMutants,
  ...storeConnectionMutants,
  ...storeMutants,
  ...driverMutants,
  ...healthMutants,
  ...operatorMutants,
  ...bunMutants,
  ...demoMutants,
];
