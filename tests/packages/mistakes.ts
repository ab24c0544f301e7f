/** A program in which every line has a mistake, with the word that the compiler's message has to name. */

const head = `
import { bindSessions } from "@wsession/adapter-ws";
import { connect } from "@wsession/client";
import { accept, cookieToken, createSessions, mapStore, reject } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { redisStore } from "@wsession/store-redis";
import type { WebSocketServer } from "ws";

declare const server: WebSocketServer;
declare const client: never;
const cookie = cookieToken();
const initial = () => ({ visits: 0 });
const sessions = createSessions({ store: mapStore(), initial });
const http = httpSessions(sessions, { cookie });
const page = connect("ws://localhost");
`;

const lines: readonly (readonly [mistake: string, word: string])[] = [
  ["createSessions({ stroe: mapStore() })", "store"],
  ["createSessions({ stroe: mapStore(), initial })", "store"],
  ["createSessions({ initial, idleMS: 1 })", "idleMs"],
  ['createSessions({ exclusive: "sesion", initial })', "session"],
  ["createSessions({ early: { maxMesages: 1 } })", "maxMessages"],
  ['accept({ subjct: "ada" })', "subject"],
  ['accept({ subjct: "ada", context: 1 })', "subject"],
  ['reject(401, "", { header: {} })', "headers"],
  ["cookieToken({ partitoned: true })", "partitioned"],
  ["redisStore({ client, timeoutMS: 1 })", "timeoutMs"],
  ["bindSessions(server, sessions, { mesage() {} })", "message"],
  ['bindSessions(server, sessions, {}, { listener: "gated" })', "listeners"],
  ["bindSessions(server, sessions, { open: (conn) => void conn.session.data.vists })", "visits"],
  ["bindSessions(server, sessions, { open: (conn) => void conn.sesion })", "session"],
  ["void sessions.create({ vists: 0 })", "visits"],
  ['void sessions.destroySubjct("ada")', "destroySubject"],
  ['void http.login(new Request("/"), new Headers(), { visits: 0 }, { subjct: "ada" })', "subject"],
  ['connect("ws://localhost", { bakoff: {} })', "backoff"],
  ['page.on("mesage", () => undefined)', "message"],
  ['page.sendnow("x")', "sendNow"],
];

export const mistakes: string = `${head}${lines.map(([mistake]) => `${mistake};\n`).join("")}`;

/** The words that the messages have to name, in order. */
export const rightWords: readonly string[] = lines.map(([, word]) => word);
