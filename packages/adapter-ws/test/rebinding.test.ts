import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { bindSessions } from "@wsession/adapter-ws";
import { Client, Journal } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import { WebSocketServer } from "ws";
import { expect, onTestFinished, test } from "vitest";
import { statusOf } from "./peers.ts";
import { closeAll, ways } from "./servers.ts";
import type { Way } from "./servers.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

async function greeting(port: number, protocols: readonly string[] = []): Promise<string> {
  const client = await Client.connect(`ws://127.0.0.1:${port}/`, { protocols });
  const text = String(await client.next());
  client.socket.close();
  await client.closed;
  return `${text} ${client.socket.protocol}`;
}

test.each(Object.keys(ways) as Way[])(
  "fault E6: a server made with %s is bound again once its binding was closed; in between it refuses every client",
  async (way) => {
    const asked = new Journal();
    const { server, address, http } = await ways[way]({
      verifyClient: () => {
        asked.note("verifyClient");
        return true;
      },
      handleProtocols: (protocols) => {
        asked.note("handleProtocols");
        return [...protocols].at(-1) ?? false;
      },
    });
    onTestFinished(() => closeAll(server, http));
    const { port } = address;
    const listeners = () => ["headers", "connection"].map((event) => server.listenerCount(event));
    const before = listeners();
    const { handleProtocols } = server.options;
    const errors: unknown[] = [];
    for (const round of ["one", "two", "three"]) {
      const sessions = createSessions({
        initial: () => ({ round }),
        onError: (error) => void errors.push(error),
      });
      const binding = bindSessions(server, sessions, {
        open: (connection) => connection.send(connection.session.data.round),
      });
      expect(() => bindSessions(server, sessions, {})).toThrow("bound already");
      expect(await greeting(port, ["a", "b"])).toBe(`${round} b`);
      await (round === "two" ? sessions.close() : binding.close());
      expect([listeners(), server.options.handleProtocols]).toEqual([before, handleProtocols]);
      expect(await statusOf(port)).toBe(503);
    }
    expect(asked.entries.filter((entry) => entry === "verifyClient")).toHaveLength(3);
    expect(errors).toEqual([]);
  },
);

test("fault E6: of 50 servers that were bound and closed nothing is kept, though the sessions live on", async () => {
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  onTestFinished(() => sessions.close());
  const kept: WeakRef<object>[] = [];
  const bindAndClose = async () => {
    const server = new WebSocketServer({ noServer: true });
    const handlers = { message: () => undefined };
    const binding = bindSessions(server, sessions, handlers);
    kept.push(new WeakRef(server), new WeakRef(handlers), new WeakRef(binding));
    await binding.close();
    server.close();
  };
  for (let index = 0; index < 50; index += 1) await bindAndClose();
  await expect
    .poll(() => {
      collect();
      return kept.filter((reference) => reference.deref() !== undefined).length;
    })
    .toBe(0);
  expect(sessions.connections.size).toBe(0);
});

test("fault E6: servers that outlive their bindings keep no reference to closed bindings", async () => {
  const server = new WebSocketServer({ noServer: true });
  onTestFinished(() => server.close());
  const kept: WeakRef<object>[] = [];
  const bindAndClose = async () => {
    const sessions = createSessions({ initial: () => ({ n: 0 }) });
    const handlers = { message: () => undefined };
    const binding = bindSessions(server, sessions, handlers);
    kept.push(new WeakRef(sessions), new WeakRef(handlers), new WeakRef(binding));
    await sessions.close();
  };
  for (let index = 0; index < 10; index += 1) await bindAndClose();
  await expect
    .poll(() => {
      collect();
      return kept.filter((reference) => reference.deref() !== undefined).length;
    })
    .toBe(0);
});
