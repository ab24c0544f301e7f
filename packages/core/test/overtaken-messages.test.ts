import { createSessions, queryToken } from "@wsession/core";
import type { AppendRequest, SessionStore } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

type Data = { readonly n: number };

test("I13 a connection whose message the store refuses as fenced ends with 4409, although no takeover was announced", async () => {
  const inner = sharedStore();
  const { behindTheBack } = inner;
  const store: SessionStore = {
    ...inner,
    capabilities: { ...inner.capabilities, outbox: true },
    append: async (request: AppendRequest) =>
      (await behindTheBack.append?.(request)) ?? expect.fail("no append"),
    read: (request) => behindTheBack.read?.(request) ?? expect.fail("no read"),
    takeOver: async (id) => (await behindTheBack.takeOver?.(id)) ?? expect.fail("no takeOver"),
  };
  const sessions = createSessions<Data>({
    store,
    exclusive: true,
    token: queryToken(),
    initial: () => ({ n: 0 }),
  });
  const { connection, socket } = await serveInMemory(sessions).connect();
  await behindTheBack.takeOver?.(connection.session.id);
  await expect(connection.session.send("m")).rejects.toMatchObject({ code: "FENCED" });
  expect(socket.closedWith?.code).toBe(4409);
});
