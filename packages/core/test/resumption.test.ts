import { createSessions, mapStore, queryToken } from "@wsession/core";
import { expect, onTestFinished, test, vi } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

test("a session whose client comes and goes is watched for its collection once, not each time", async () => {
  const watched: unknown[] = [];
  vi.stubGlobal(
    "FinalizationRegistry",
    class extends FinalizationRegistry<unknown> {
      override register(target: WeakKey, held: unknown, token?: WeakKey): void {
        watched.push(held);
        super.register(target, held, token);
      }
    },
  );
  onTestFinished(() => void vi.unstubAllGlobals());
  const sessions = createSessions({ store: mapStore(), token: queryToken(), initial: () => ({ visits: 1 }) });
  const server = serveInMemory(sessions);
  const first = await server.connect();
  const { token, session } = first.connection;
  first.connection.close();
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    const { connection } = await server.connect({ url: `/?token=${token}` });
    expect(connection).toMatchObject({ resumed: true, session: { id: session.id } });
    connection.close();
  }
  expect(watched).toEqual([session.id]);
});
