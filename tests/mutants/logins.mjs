/** @import { Mutant } from "./mutants.mjs" */

import { inPackage, onWs, tests } from "./suites.mjs";

/** Promises of `@wsession/http`, of lifetimes of single sessions, and of refused tokens.
 * @type {readonly Mutant[]} */
export const loginMutants = [
  {
    name: "http-logout-of-others",
    promise: "A logout is refused to requests of other sites",
    file: "packages/http/src/http-sessions.ts",
    find: "Promise<boolean> {\n    this.#found.begin(request);\n    assertOrigin(this.#origins, view);\n",
    replace: "Promise<boolean> {\n    this.#found.begin(request);\n",
    tests: inPackage("http", "logins", "requests of other sites"),
  },
  {
    name: "http-failed-login-lives",
    promise: "A login that can't set its cookie leaves no session",
    file: "packages/http/src/http-sessions.ts",
    find: 'await session.destroy("login failed");',
    replace: "await session.touch();",
    tests: inPackage("http", "responses", "no session stays without a cookie"),
  },
  {
    name: "http-earlier-login-lives",
    promise: "A login ends the browser's earlier login",
    file: "packages/http/src/http-sessions.ts",
    find: 'if (!isAnonymous && !headers.hasNoReceiver()) await presented?.destroy("logged in again");',
    replace: "void isAnonymous;",
    tests: inPackage("http", "logins", "a login over an earlier login"),
  },
  {
    name: "http-sent-headers-untyped",
    promise: "Headers that were sent are a typed error",
    file: "packages/http/src/response.ts",
    find: "  if (response.headersSent) throw sentError();\n",
    replace: "",
    tests: inPackage("http", "responses", "after the headers were sent"),
  },
  {
    name: "http-cookies-of-others-lost",
    promise: "The cookie does not take the place of the application's cookies",
    file: "packages/http/src/response.ts",
    find: "response.setHeader(name, [...linesOf(response, name), value]);",
    replace: "response.setHeader(name, [value]);",
    tests: inPackage("http", "logins", "a login sets a cookie"),
  },
  {
    name: "lifetime-idle-of-options",
    promise: "A session's own idle time binds every process, whatever its options are",
    file: "packages/core/src/session/lifetimes.ts",
    find: "return state.lifetime?.own?.idleMs ?? this.#settings.idleMs;",
    replace: "return state.id === undefined ? 0 : this.#settings.idleMs;",
    tests: tests("lifetimes.test.ts", "extend gives them"),
  },
  {
    name: "lifetime-past-taken",
    promise: "An expiresAt that is past is refused at once",
    file: "packages/core/src/base/lifetimes.ts",
    find: "if (expiresAt <= Date.now())",
    replace: "if (expiresAt <= 0)",
    tests: tests("lifetimes.test.ts", "every call refuses an expiresAt"),
  },
  {
    name: "bad-token-unclosed",
    promise: 'onBadToken "close" refuses a bad token by a close code that a page can read',
    file: "packages/core/src/admission/admit.ts",
    find: 'resolved.byToken === "close"',
    replace: 'resolved.byToken === "refuse"',
    tests: onWs(
      "with onBadToken: close a client with a bad token gets 101, its subprotocol and 4401, and no session and no handler",
    ),
  },
  {
    name: "no-token-lets-strangers-in",
    promise: 'onNoToken "refuse" admits no client without the token of a session',
    file: "packages/core/src/admission/resume.ts",
    find: "isBad ? onBadToken : onNoToken",
    replace: 'isBad || onNoToken === undefined ? onBadToken : "fresh"',
    tests: onWs("with onNoToken: refuse only a client"),
  },
  {
    name: "no-token-bad-token",
    promise: 'onNoToken "refuse" refuses bad tokens too',
    file: "packages/core/src/api/resolve-no-token.ts",
    find: "onBadToken = onNoToken",
    replace: 'onBadToken = "fresh"',
    tests: inPackage("core", "options", "refuses bad tokens as it refuses missing ones"),
  },
  {
    name: "origin-unreported",
    promise: "a warning reports that origins does not allow the page under development",
    file: "packages/core/src/admission/refused-origin.ts",
    find: "|| !isLocal(origin)",
    replace: "|| isLocal(origin)",
    tests: inPackage("core", "refusals", "the first refused page of this machine"),
  },
  {
    name: "rotation-of-stale-token",
    promise: "Of two requests that replace one token at once, one replaces it",
    file: "packages/core/src/store/map-rotation.ts",
    find: 'return replaces !== undefined && replaces !== currentDigest(entry) ? "foreign" : undefined;',
    replace: 'return replaces === "" && replaces !== currentDigest(entry) ? "foreign" : undefined;',
    tests: inPackage("core", "stores", "rotate that names the digest"),
  },
  {
    name: "subject-login-stays-pending",
    promise: "An expired session no longer counts for maxSessionsPerSubject",
    file: "packages/store-redis/src/sessions/subject-limits.ts",
    find: "      this.leave(id, subject).catch(() => undefined);\n",
    replace: "",
    tests: tests("presence-together.test.ts", "once the store has nothing of it left"),
  },
];
