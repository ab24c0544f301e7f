import { bindSessions } from "@wsession/adapter-uws";
import { delay, frame, Journal } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { Handlers } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import uWS from "uWebSockets.js";
import type { WebSocket } from "uWebSockets.js";
import { expectAliveWhileReading, MIB, upgraded } from "../../adapter-ws/test/peers.ts";
import { listen } from "./servers.ts";

type Data = { readonly n: number };

/** Serves `handlers` until the end of the test. Resolves with the port. */
async function serve(heartbeatMs: number, handlers: Handlers<Data, unknown, never>): Promise<number> {
  const sessions = createSessions<Data>({ heartbeatMs, initial: () => ({ n: 0 }) });
  const app = uWS.App();
  bindSessions(app, "/*", sessions, handlers);
  const port = await listen(app);
  onTestFinished(async () => {
    await sessions.close();
    app.close();
  });
  return port;
}

test(
  "a message that takes longer to arrive than two heartbeats ends no connection, from heartbeatMs 8,000 on (fault C1)",
  { timeout: 60_000 },
  async () => {
    const journal = new Journal();
    const port = await serve(8_000, {
      message: (_, data) => journal.note(`message of ${data.length}`),
      close: (_, { code }) => journal.note(`close ${code}`),
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

test("a peer that answers no ping, but reads the data that is written, is alive as long as it reads (fault C1)", async () => {
  const closed = new Journal<number>();
  // The runtime's own method writes no pings between the data.
  const port = await serve(1_000, {
    message: ({ socket }) => void (socket as WebSocket<object>).send(Buffer.alloc(24 * MIB), true),
    close: (_, { code }) => closed.note(code),
  });
  await expectAliveWhileReading(port, closed);
});
