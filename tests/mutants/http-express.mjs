/** @import { Mutant } from "./mutants.mjs" */

import { inPackage } from "./suites.mjs";

const store = "packages/http/src/express-session/express-store.ts";
const loaded = "packages/http/src/express-session/loaded.ts";
const cookies = "packages/http/src/express-session/signed-cookie.ts";

/** Promises of the store of express-session, and of the readers of its sessions, in `@wsession/http`.
 * @type {readonly Mutant[]} */
export const httpExpressMutants = [
  {
    name: "expired-fastify-session",
    promise: "The reader of @fastify/session finds no expired session that the store still keeps",
    file: "packages/http/src/express-session/readers.ts",
    find: ', "expires")) <= Date.now();',
    replace: ', "expires")) <= 0;',
    tests: inPackage("http", "readers", "takes for expired"),
  },
  {
    name: "express-store-writes-all",
    promise: "A request writes only the fields that it has changed",
    file: loaded,
    find: "([name, text]) => loaded.get(name) !== text",
    replace: "([name, text]) => loaded.get(name) !== text || true",
    tests: inPackage("http", "express-store", "a slow request does not undo"),
  },
  {
    name: "express-store-keeps-removed",
    promise: "A field that a request removes is removed",
    file: loaded,
    find: "[...loaded.keys()].filter((name) => !present.has(name))",
    replace: '[...loaded.keys()].filter((name) => name === "" && !present.has(name))',
    tests: inPackage("http", "express-store", "writes over HTTP are in the socket"),
  },
  {
    name: "express-store-state-of-another",
    promise: "The loaded state of an earlier session says nothing about a regenerated one",
    file: loaded,
    find: "loaded instanceof Loaded && loaded.sid === sid ? loaded : undefined",
    replace: "loaded instanceof Loaded && sid !== undefined ? loaded : undefined",
    tests: inPackage("http", "store-input", "fields that regenerate"),
  },
  {
    name: "express-store-lost-in-silence",
    promise: "A change to a session that was destroyed while the request ran is an error",
    file: store,
    find: "if (session === undefined) throw goneError();",
    replace: "if (session === undefined) return void goneError();",
    tests: inPackage("http", "express-store", "does not bring a session back"),
  },
  {
    name: "express-store-id-is-sid",
    promise: "The id of the session does not reveal the middleware's id, which is a secret",
    file: store,
    find: 'return createHash("sha256").update(sid).digest("base64url");',
    replace: 'return createHash("sha256").update(sid).digest("base64url") && sid;',
    tests: inPackage("http", "express-store", "expressStore does not reveal"),
  },
  {
    name: "express-store-idle-of-options",
    promise: "The idle time of a session is the cookie's maxAge",
    file: "packages/http/src/express-session/cookie.ts",
    find: 'typeof originalMaxAge === "number" && originalMaxAge > 0 ? originalMaxAge : undefined',
    replace: 'typeof originalMaxAge === "number" && originalMaxAge > Infinity ? originalMaxAge : undefined',
    tests: inPackage("http", "express-store", "cookie.maxAge is the idle time"),
  },
  {
    name: "express-store-clears-all",
    promise: "clear() of the store leaves the sessions that no middleware made",
    file: store,
    find: 'if ("cookie" in session.data) handles.push(session);',
    replace: "handles.push(session);",
    tests: inPackage("http", "express-store", "all, length and clear"),
  },
  {
    name: "express-store-login-keeps-id",
    promise: "regenerate() of the store makes another id",
    file: store,
    find: "      this.#inflater.generate(this, request);\n",
    replace: "",
    tests: inPackage("http", "express-store", "a regenerated session has another id"),
  },
  {
    name: "reader-unsigned",
    promise: "A cookie that no secret has signed opens nothing",
    file: cookies,
    find: "isEqual(signature, signatureOf(id, secret))",
    replace: "(signature.length > 0 || isEqual(signature, signatureOf(id, secret)))",
    tests: inPackage("http", "readers", "a socket has the user of express-session"),
  },
  {
    name: "reader-first-secret",
    promise: "Each of several secrets is tried",
    file: cookies,
    find: "secrets.some((secret) =>",
    replace: "secrets.slice(0, 1).some((secret) =>",
    tests: inPackage("http", "readers", "each of several secrets"),
  },
  {
    name: "reader-prefix",
    promise: "The reader for @fastify/session reads its cookie, which has no prefix",
    file: "packages/http/src/express-session/readers.ts",
    find: 'prefix: "",',
    replace: 'prefix: "s:",',
    tests: inPackage("http", "readers", "fromFastifySession"),
  },
  {
    name: "reader-outage-as-logout",
    promise: "An unavailable store does not have the same result as a request without a login",
    file: "packages/http/src/express-session/store-shape.ts",
    find: 'reject(error instanceof Error ? error : new Error("the store failed", { cause: error }));',
    replace: "resolve(reject);",
    tests: inPackage("http", "readers", "rejects with the error of an unavailable store"),
  },
  {
    name: "reader-promise-unawaited",
    promise: "The rejected promise of a store is the reader's rejection",
    file: "packages/http/src/express-session/store-shape.ts",
    find: 'error ?? new Error("the store failed")',
    replace: "error && undefined",
    tests: inPackage("http", "store-input", "a promise that rejects"),
  },
  {
    name: "express-cookie-without-end",
    promise: 'With idleFrom: "disconnect" the requests of a page work while its socket is open',
    file: "packages/http/src/express-session/cookie.ts",
    find: "Number.isFinite(idleExpiresAt) ? idleExpiresAt : Date.now() + idleMs",
    replace: "idleExpiresAt",
    tests: inPackage("http", "express-store", "while its socket is open"),
  },
];
