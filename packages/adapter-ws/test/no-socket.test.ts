/** Requests that no server made: frameworks pass them to `handleUpgrade` in their tests, as `injectWS` of @fastify/websocket does. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, mapStore } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";

const headers = {
  host: "app.example.com",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test.each([
  ["undefined", undefined],
  ["null", null],
])("a request whose socket is %s is answered with 500 and reported, and does not wait", async (_, socket) => {
  const reports: string[] = [];
  const sessions = createSessions({
    store: mapStore(),
    initial: () => ({ n: 0 }),
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
  });
  onTestFinished(() => sessions.close());
  const server = new WebSocketServer({ noServer: true });
  bindSessions(server, sessions, {});
  let answer = "";
  const stream = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, written) {
      answer += String(chunk);
      written();
    },
  });
  const made: object = { method: "GET", url: "/", headers, rawHeaders: [], httpVersion: "1.1", socket };
  const ended = once(stream, "finish");
  server.handleUpgrade(made as IncomingMessage, stream, Buffer.alloc(0), () => expect.unreachable());
  await ended;
  expect(answer).toMatch(/^HTTP\/1\.1 500 /);
  expect(reports).toEqual([expect.stringMatching(/^adapter: .*needs a socket/)]);
  expect(sessions.diagnostics.sessionsCreated).toBe(0);
});
