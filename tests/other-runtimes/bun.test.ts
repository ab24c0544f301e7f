/** adapter-bun on the real Bun: a short form of `npm run test:runtimes`. `npm test` installs Bun, and says so if it can't. */
import { expect, test } from "vitest";
import { adapterSuite, goneLogin, runSuite, silentPeers, socketSuite } from "./suites.mjs";

const file = process.env["WSESSION_BUN"];
const bun = { file: file ?? "", args: [] };

/** Those that take long, that measure time, or that fill the buffers of the system, are in the long form alone. */
const subjects = [
  "the gate",
  "messages",
  "failures",
  "the handshake",
  "the answer of admit",
  "refusals",
  "sessions",
  "tokens",
  "the transport record",
  "closing",
  "how a connection ended",
  "heartbeat",
  "numbered messages",
  "transactions",
  "kept messages",
].flatMap((subject) => ["--subject", subject]);

test.skipIf(file === undefined)("adapter-bun passes the conformance suite of adapters on Bun", async () => {
  const { runtime, passed, failures } = await runSuite(bun, adapterSuite("bun"), subjects);
  expect(failures).toEqual([]);
  expect(passed).toBeGreaterThan(100);
  expect(runtime).toMatch(/^Bun \d/);
});

test.skipIf(file === undefined)("an adapter for Bun that loses messages is found", async () => {
  const { failures } = await runSuite(bun, adapterSuite("bun"), ["--name", "500 messages", "--broken"]);
  expect(failures.length).toBeGreaterThan(0);
});

test.skipIf(file === undefined)(
  "adapter-bun ends silent peers with a heartbeat of 8 s too, whether messages are sent to them or not",
  async () => {
    const { passed, failures } = await runSuite(bun, silentPeers);
    expect(failures).toEqual([]);
    expect(passed).toBe(3);
  },
  90_000,
);

test.skipIf(file === undefined)(
  "if the client leaves during its login on Bun.serve, no session stays that no browser can end",
  async () => {
    const { passed, failures } = await runSuite(bun, goneLogin);
    expect(failures).toEqual([]);
    expect(passed).toBe(1);
  },
);

test.skipIf(file === undefined)(
  "adapter-ws ends silent peers, and no others, on the ws that Bun has itself",
  async () => {
    const { passed, failures } = await runSuite(bun, adapterSuite("ws"), ["--subject", "heartbeat"]);
    expect(failures).toEqual([]);
    expect(passed).toBe(4);
  },
);

test.skipIf(file === undefined)(
  "asWebSocket of a connection of Bun: nothing before the session, everything in order, nothing after the end (I1, I2, I4)",
  async () => {
    const { passed, failures } = await runSuite(bun, socketSuite("bun"));
    expect(failures).toEqual([]);
    expect(passed).toBeGreaterThan(14);
  },
);
