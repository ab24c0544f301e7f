import { once } from "node:events";
import { createSessions } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

test("without onError what a handler throws becomes a warning of the process, not silence (I12)", async () => {
  const warning = once(process, "warning");
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  const { socket, receive } = await serveInMemory(sessions, {
    message: () => {
      throw new Error("a typo");
    },
  }).connect();
  receive("hello");
  const [warned] = await warning;
  expect(warned).toMatchObject({
    name: "WsessionWarning",
    message: expect.stringContaining("message: a typo"),
  });
  expect(socket.closedWith?.code).toBe(1011);
});

test("with onError there is no warning", async () => {
  const told: string[] = [];
  const warned: unknown[] = [];
  const listen = (warning: unknown) => warned.push(warning);
  process.on("warning", listen);
  const sessions = createSessions({
    initial: () => ({ n: 0 }),
    onError: (_error, { stage }) => void told.push(stage),
  });
  const { receive } = await serveInMemory(sessions, {
    message: () => {
      throw new Error("a typo");
    },
  }).connect();
  receive("hello");
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  process.off("warning", listen);
  expect(told).toEqual(["message"]);
  expect(warned).toEqual([]);
});
