import { expect, test } from "vitest";
import { client, listen } from "./support.ts";

test("a server that neither says anything nor answers a probe is given up, and the client comes back", async () => {
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
