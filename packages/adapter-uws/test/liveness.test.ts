import { bindSessions } from "@wsession/adapter-uws";
import { delay, frame, Journal, RawClient, until } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import uWS from "uWebSockets.js";
import type { WebSocket } from "uWebSockets.js";
import { listen } from "./servers.ts";

const MIB = 1024 * 1024;

async function upgraded(port: number): Promise<RawClient> {
  const client = new RawClient(port);
  onTestFinished(() => client.destroy());
  client.upgrade();
  await client.response;
  return client;
}

test(
  "a message that takes longer to arrive than two heartbeats ends nobody, from heartbeatMs 8,000 on (fault C1)",
  { timeout: 60_000 },
  async () => {
    const journal = new Journal();
    const sessions = createSessions({ heartbeatMs: 8_000, initial: () => ({ n: 0 }) });
    const app = uWS.App();
    bindSessions(app, "/*", sessions, {
      message: (_, data) => journal.note(`message of ${data.length}`),
      close: (_, { code }) => journal.note(`close ${code}`),
    });
    const port = await listen(app);
    onTestFinished(async () => {
      await sessions.close();
      app.close();
    });
    const client = await upgraded(port);
    const whole = frame(new Uint8Array(1_000_000));
    // It answers no ping meanwhile: a pong can't overtake the rest of the frame.
    const parts = 20;
    for (let part = 0; part < parts; part += 1) {
      client.write(whole.subarray((whole.length * part) / parts, (whole.length * (part + 1)) / parts));
      await delay(1_000);
    }
    await journal.until(1);
    expect(journal.entries).toEqual(["message of 1000000"]);
  },
);

test("a peer that answers no ping, and takes what is written, is alive as long as it does (fault C1)", async () => {
  const closed = new Journal<number>();
  const sessions = createSessions({ heartbeatMs: 1_000, initial: () => ({ n: 0 }) });
  const app = uWS.App();
  // By the runtime's own method: no ping of ours lies among it.
  bindSessions(app, "/*", sessions, {
    message: ({ socket }) => void (socket as WebSocket<object>).send(Buffer.alloc(24 * MIB), true),
    close: (_, { code }) => closed.note(code),
  });
  const port = await listen(app);
  onTestFinished(async () => {
    await sessions.close();
    app.close();
  });
  const client = await upgraded(port);
  let read = 0;
  client.socket.on("data", ({ length }) => {
    read += length;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), length / 8_000);
  });
  client.write(frame("go"));
  await until(() => closed.entries.length > 0 || read > 16 * MIB);
  expect(closed.entries).toEqual([]);
  // It has its answer, and stays silent: found out.
  await closed.until(1);
  expect(closed.entries).toEqual([1006]);
});
