import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { start } from "../src/application.ts";
import { MAX_BODY_BYTES } from "../src/requests.ts";

test("a wrong request is answered with a status of 400 to 499", { timeout: 10_000 }, async (t) => {
  const application = await start(0);
  t.after(() => application.stop());
  const url = `http://localhost:${application.port}/nothing`;
  const statusOf = async (body: string) => (await fetch(url, { method: "POST", body })).status;

  assert.equal(await statusOf("x".repeat(MAX_BODY_BYTES)), 404);
  assert.equal(await statusOf("x".repeat(MAX_BODY_BYTES + 1)), 413);
  // More than the buffers of both sides: the client is still sending when the limit is reached.
  assert.equal(await statusOf("x".repeat(64 * MAX_BODY_BYTES)), 413);
  assert.match(await answerTo(application.port, "GET // HTTP/1.1"), /^HTTP\/1\.1 40\d/);
  assert.match(await answerTo(application.port, "TRACE / HTTP/1.1"), /^HTTP\/1\.1 40\d/);
});

test("stop() ends, though a client has sent half a request", { timeout: 20_000 }, async () => {
  const application = await start(0);
  const socket = connect(application.port, "localhost");
  await once(socket, "connect");
  socket.on("error", () => undefined).resume();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n");
  await answerTo(application.port, "GET /nothing HTTP/1.1");
  const closed = once(socket, "close");
  await application.stop();
  await closed;
});

async function answerTo(port: number, line: string): Promise<string> {
  const socket = connect(port, "localhost");
  await once(socket, "connect");
  socket.end(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  return text(socket);
}
