/** An operator's page that stops reading: what waits for the page in the demo's process is bounded. */
import { once } from "node:events";
import { createServer, get } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Board } from "../dist/operator/board.js";
import { serveOperator } from "../dist/operator/routes.js";
import type { Overview } from "../src/operator/contract.ts";

/** A report whose overview has more bytes than the buffers of a socket, so that a few seconds fill them. */
const LARGE = {
  counts: { connects: 0, resumes: 0, updates: 0, conflicts: 0, kicks: 0, outbox: 0 },
  connections: 1,
  ok: true,
  latencyMs: 1,
  eventLoopDelayMs: 0,
  memoryBytes: 1,
  held: {},
  sessions: Array.from({ length: 8 }, (_, index) => ({
    id: `session-${index}`,
    version: 1,
    data: { text: "x".repeat(1024 * 1024) },
    expiresAt: 0,
    idleExpiresAt: 0,
  })),
  events: [],
};

async function openPage(board: Board) {
  let response: ServerResponse | undefined;
  const origins: string[] = [];
  const server = createServer((request, answer) => {
    response = answer;
    serveOperator(
      { board, origins, act: () => Promise.resolve(undefined) },
      "/operator/events",
      request,
      answer,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  origins.push(`http://127.0.0.1:${port}`);
  const [page] = (await once(get({ port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
  onTestFinished(() => {
    page.destroy();
    server.close();
    board.close();
  });
  return { page, response: response ?? expect.fail("no request") };
}

/** Resolves after this many seconds of the board. */
function seconds(board: Board, count: number): Promise<void> {
  // The first call comes at once.
  let left = count + 1;
  return new Promise((resolve) => {
    const stop = board.listen(() => {
      left -= 1;
      if (left > 0) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}

test("gets no further overview until the page has read the last one, and then gets one with all events", async () => {
  const board = new Board(
    () => [],
    () => ({ isOurs: true, state: "running" }),
  );
  board.addReport(1, LARGE);
  const { page, response } = await openPage(board);
  page.pause();
  await seconds(board, 2);
  const waits = response.writableLength;
  expect(waits).toBeGreaterThan(0);
  board.addEvent("process", 1, "missed");
  await seconds(board, 3);
  expect(response.writableLength).toBeLessThanOrEqual(waits);

  let text = "";
  page
    .setEncoding("utf8")
    .on("data", (more: string) => (text += more))
    .resume();
  const hasMissed = () => text.includes('"text":"missed"') && text.endsWith("\n\n");
  await expect.poll(hasMissed, { timeout: 15_000 }).toBe(true);
  const overviews: Overview[] = text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => JSON.parse(event.slice("data: ".length)));
  const next = overviews.find(({ events }) => events.some((event) => event.text === "missed"));
  expect(next?.isWhole).toBe(true);
});
