/** The text of an error names the mistake and the correction: for typical mistakes of programs without types. */
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import { redisInspection } from "@wsession/store-redis/inspection";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());

/** Calls a function as a program without types does. */
function untyped(call: (...args: never[]) => unknown, ...args: readonly unknown[]): () => unknown {
  return () => Reflect.apply(call, undefined, args);
}

const sessions = createSessions({ store: mapStore(), initial: () => ({}) });
const watch = sessions.watch.bind(sessions);
const server = new WebSocketServer({ noServer: true });
const cookie = cookieToken();
const loginSessions = createSessions({ store: mapStore(), token: cookie });
const logins = httpSessions(loginSessions, { cookie });
const http = { login: logins.login.bind(logins) };

const mistakes: readonly (readonly [what: string, make: () => unknown, text: string])[] = [
  [
    "a misspelt option",
    untyped(cookieToken, { httpOnly: true }),
    'cookieToken: there is no option "httpOnly"; the options are name, domain, path, sameSite, secure, partitioned, renewalParameter',
  ],
  [
    "a handler with the name of another library",
    untyped(bindSessions, server, sessions, { onMessage: () => undefined }),
    'handlers: there is no handler "onMessage"; the handlers are open, resumed, message, transaction, change, expiring, drain, close',
  ],
  [
    "no handlers",
    untyped(bindSessions, server, sessions),
    "handlers must be an object with functions among open, resumed, message, transaction, change, expiring, drain, close, not undefined",
  ],
  [
    "an HTTP server in place of the WebSocketServer",
    untyped(bindSessions, createServer(), sessions, {}),
    "bindSessions: server must be a WebSocketServer of ws, not a Server: new WebSocketServer({ server }) makes one for an HTTP server",
  ],
  [
    "the arguments in another order",
    untyped(bindSessions, sessions, server, {}),
    "bindSessions: server must be a WebSocketServer of ws, not a LiveSessions: pass the server, the sessions and the handlers, in this order",
  ],
  [
    "a login without a user",
    untyped(http.login, new Request("https://app.example.com/"), new Headers(), {}),
    "login() needs the user, as { subject: user.id }, after the data",
  ],
  [
    "an AbortController in place of its signal",
    untyped(watch, ["ada"], () => undefined, new AbortController()),
    "watch() takes an object with options, such as { signal }, not an AbortController",
  ],
  [
    "a promise in place of a function",
    untyped(createSessions, { initial: Promise.resolve({}) }),
    "initial must be a function, not a Promise",
  ],
  [
    "a plain object in place of a function",
    untyped(createSessions, { initial: {} }),
    "initial must be a function, not an object",
  ],
  [
    "an object without a prototype",
    untyped(createSessions, { initial: Object.create(null) }),
    "initial must be a function, not an object",
  ],
  [
    "an object with a property that makes the object appear to be of a class, as in a body of JSON",
    untyped(createSessions, { initial: { constructor: { name: "secret" } } }),
    "initial must be a function, not an object",
  ],
  [
    "a proxy whose trap throws",
    untyped(createSessions, {
      initial: new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error("secret");
          },
        },
      ),
    }),
    "initial must be a function, not an object",
  ],
  [
    "a Map in place of a store",
    untyped(createSessions, { store: new Map() }),
    "store must be what mapStore() or another store's function returned: a Map has no method attach",
  ],
  [
    "an object in place of a message",
    untyped(sessions.sendToSubject.bind(sessions), "ada", { bid: 40 }),
    "sendToSubject() takes a string or a Uint8Array, not an object: pass JSON.stringify() of it",
  ],
  [
    "a number in place of a message",
    untyped(sessions.sendToSubject.bind(sessions), "ada", 40),
    "sendToSubject() takes a string or a Uint8Array, not a number",
  ],
  [
    "a cookie for plain HTTP, without a name",
    untyped(cookieToken, { secure: false }),
    "cookieToken: secure must be true for SameSite=None, for partitioned, and for a name with the prefix __Host- or __Secure-, such as the default __Host-wsession. For plain HTTP in development give another name",
  ],
  [
    "a client of Redis in place of the options",
    untyped(redisStore, redis),
    "redisStore takes its client as an option: redisStore({ client })",
  ],
  [
    "a client of node-redis in place of the options",
    untyped(redisInspection, createClient()),
    "redisInspection takes its client as an option: redisInspection({ client })",
  ],
  [
    "a URL in place of the client",
    untyped(redisStore, { url: "redis://127.0.0.1:6379" }),
    'redisStore: there is no option "url"; the options are client, prefix, timeoutMs, maxBytes, leaseMs, sweepMs, confirmMs, allowEviction, node, onError',
  ],
];

describe("the text of the error says what to do:", () => {
  test.each(mistakes)("%s", (_, make, text) => {
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message: text }));
  });
});
