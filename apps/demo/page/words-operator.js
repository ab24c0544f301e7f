/** The texts of the operator's page. */
import { meaningOf } from "./words.js";

/** @typedef {import("../src/operator/contract.ts").OperatorEvent} OperatorEvent */
/** @typedef {import("./words.js").Saying} Saying */

/** @type {Readonly<Record<OperatorEvent["kind"], string>>} */
const EXPLANATIONS = {
  connect: "A browser without a valid token opened a connection, and a session was created for it.",
  resume: "A client presented the token of its session, and found the session as it was.",
  close: "The session stays in the store until its deadline, and its client can come back.",
  kick: "The server ended the session or the connection. A session that is destroyed does not come back.",
  conflict: "Two writers changed a session at once. One of them ran again, on the new data.",
  error: "While the store does not answer, sessions in memory can be read, and writes are refused.",
  process:
    "The parent process restarts a process that has ended. The clients of that process reconnect through other processes.",
  redis:
    "While Redis does not run, sessions in memory can be read, and writes are refused. Redis keeps all sessions on its disk.",
};

/** @param {OperatorEvent} event */
export function textOf({ kind, process, text, code }) {
  const from = process === 0 || kind === "process" ? text : `Process ${process}: ${text}`;
  return code === undefined ? from : `${from} (${meaningOf(code)})`;
}

/**
 * @param {OperatorEvent} event
 * @returns {Saying}
 */
export function saying(event) {
  return { title: textOf(event), text: EXPLANATIONS[event.kind] };
}

/**
 * @param {string} reason
 * @returns {Saying}
 */
export function refused(reason) {
  return { title: "Not done", text: reason };
}
