/** @import { Mutant } from "./mutants.mjs" */

import { inPackage, onWs } from "./suites.mjs";

const shutdown = "packages/core/src/server/shutdown.ts";

/** Promises of a handover.
 * @type {readonly Mutant[]} */
export const handoverMutants = [
  {
    name: "handover-all-at-once",
    promise: "clients get the request to move one after another",
    file: shutdown,
    find: "await this.#waitUntil((announcingMs * index) / movers.length);",
    replace: "await this.#waitUntil((0 * index) / movers.length);",
    tests: onWs("announces the end to one client after another"),
  },
  {
    name: "handover-closes-early",
    promise: "a client that got the request to move keeps its connection until drainMs",
    file: shutdown,
    find: "if (movers.length > 0) await this.#waitUntil(drainMs);",
    replace: "",
    tests: onWs("announces the end to one client after another"),
  },
  {
    name: "handover-waits-for-nobody",
    promise: "close resolves as soon as all clients have left",
    file: shutdown,
    find: "for (const resolve of this.#pauses) resolve();",
    replace: "",
    tests: onWs("resolves as soon as all clients have left"),
  },
  {
    name: "handover-forgets-who-attaches-late",
    promise: "a client that has no hello yet gets the request to move later",
    file: shutdown,
    find: "if (!mover.announceEnd(0)) unannounced.push(mover);",
    replace: "mover.announceEnd(0);",
    tests: onWs("without a hello"),
  },
  {
    name: "handover-refuses-by-code",
    promise: "an undecided handshake of v1.wsession is refused with 503, and not by a close code",
    file: "packages/core/src/server/binding.ts",
    find: 'if (outcome.type === "admitted") outcome.release();\n      return this.#refusals.closing(this.#shutdown?.retryAfter ?? 1);',
    replace:
      'if (outcome.type === "admitted") {\n        outcome.release();\n        return this.#refusals.closing(this.#shutdown?.retryAfter ?? 1);\n      }',
    tests: onWs("also a client of v1.wsession and an undecided handshake"),
  },
  {
    name: "handover-never-moves",
    promise: "framed clients get the request to move, and are not closed in turn",
    file: "packages/core/src/framed/framed-connection.ts",
    find: "override get canMove(): boolean {\n    return true;",
    replace: "override get canMove(): boolean {\n    return false;",
    tests: onWs("announces the end to one client after another"),
  },
  {
    name: "client-counts-attempts-elsewhere",
    promise: "1012 after refused attempts elsewhere is a restart",
    file: "packages/client/src/backoff.ts",
    find: "if (!isLive) {",
    replace: "if (code > 0 || !isLive) {",
    tests: inPackage("client", "time", "within a second after 1012"),
  },
];
