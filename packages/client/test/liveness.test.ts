import { expect, test } from "vitest";
import { client, listen } from "./support.ts";

test("the client ends a connection whose server is silent and does not answer a probe, and comes back", async () => {
  const server = await listen();
  const { until } = client(server, { silenceMs: 50 });
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await until("status", ({ status }) => status === "live");
  const from = performance.now();
  // As behind a line that was cut: the connection stays open, and nothing comes.
  peer.socket.pause();
  const next = await server.peer();
  expect((await next.attach()).session).toBe("s1");
  // It had time to answer.
  expect(performance.now() - from).toBeGreaterThan(4_000);
});
