// Presence in a process that stalls.
import { once } from "node:events";
import { Journal, RawClient } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { serve } from "./runtimes.ts";

test("a client that comes back while the process is stalled has not left (fault C)", async () => {
  const left: string[] = [];
  const sessions = createSessions({
    ...{ store: mapStore(), token: queryToken(), leaveAfterMs: 200, initial: () => ({ n: 0 }) },
    events: { left: ({ sessionId }) => void left.push(sessionId) },
  });
  const journal = new Journal();
  const server = await serve("ws", sessions, {
    open: () => journal.note("open"),
    close: () => journal.note("close"),
  });
  const { token } = await sessions.create({ n: 1 }, { subject: "ada" });
  const path = `/?token=${token}`;
  const first = new RawClient(server.port);
  first.upgrade({ path });
  await journal.until(1);
  const again = new RawClient(server.port);
  onTestFinished(() => again.destroy());
  await once(again.socket, "connect");
  // The server has accepted the second TCP connection.
  first.destroy();
  await journal.until(2);
  again.upgrade({ path });
  // The process stalls.
  const end = performance.now() + 500;
  while (performance.now() < end);
  await journal.until(3);
  expect((await sessions.presenceOfSubject("ada")).type).toBe("online");
  expect(left).toEqual([]);
});
