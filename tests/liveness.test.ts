import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { delay, frame, Journal, RawClient } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { runtimeNames, serve } from "./runtimes.ts";

interface Peer {
  readonly process: ChildProcess;
  readonly events: Journal<{ readonly type: string; readonly code?: number; readonly data?: string }>;
}

/** The client of `ws` in a process of its own; gone when the test is. */
async function peer(port: number): Promise<Peer> {
  const events: Peer["events"] = new Journal();
  const child = fork(join(import.meta.dirname, "peer.mjs"), [`ws://127.0.0.1:${port}/`]);
  onTestFinished(() => void child.kill("SIGKILL"));
  child.on("message", (event) => events.note(event as { readonly type: string }));
  await events.until(({ type }) => type === "open");
  return { process: child, events };
}

/** Blocks this process. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

describe.each(runtimeNames)("liveness of client processes, on %s", (runtime) => {
  test("the heartbeat ends the connection of a stopped client process, and the server gets 1006", async () => {
    const closed = new Journal<number>();
    const store = mapStore();
    const sessions = createSessions({ store, heartbeatMs: 300, initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, { close: (_, { code }) => closed.note(code) });
    const { process: child } = await peer(server.port);
    child.kill("SIGSTOP");
    await closed.until(1);
    expect(closed.entries).toEqual([1006]);
    expect(sessions.connections.size).toBe(0);
    child.kill("SIGCONT");
  });

  test("pings that a stall of this process delays leave a slow peer its whole time to answer (kind C)", async () => {
    const heartbeatMs = 2_000;
    // After the first stall, Node fires the second of these timers and that of the first heartbeat in one turn. So the second stall
    // is between the heartbeat's timer and the pings.
    setTimeout(() => stall(250), heartbeatMs - 100);
    setTimeout(() => setImmediate(() => stall(1_700)), heartbeatMs - 99);
    const sessions = createSessions({ heartbeatMs, initial: () => ({ n: 0 }) });
    const closed = new Journal<string>();
    const { port } = await serve(runtime, sessions, {
      close: (_, { code, by }) => closed.note(`${code} ${by}`),
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, { autoPong: false });
    onTestFinished(() => client.terminate());
    const pings = new Journal<Buffer>();
    client.on("ping", (data: Buffer) => {
      pings.note(data);
      // Later than `heartbeatMs` after the timer, and much earlier than `heartbeatMs` after the pings: the machine may stall too.
      setTimeout(() => client.pong(data), 600);
    });
    await Promise.race([pings.until(2), closed.until(1)]);
    expect(closed.entries).toEqual([]);
    client.close();
    await closed.until(1);
    expect(closed.entries).toEqual(["1005 peer"]);
  });

  test("with heartbeatTimeoutMs a silent peer is ended after that time, not before, and each sign of life starts it again", async () => {
    // If the machine stalls for longer, a peer is silent.
    const heartbeatTimeoutMs = 2_010;
    const journal = new Journal<string>();
    let last = 0;
    const sessions = createSessions({ heartbeatMs: 100, heartbeatTimeoutMs, initial: () => ({ n: 0 }) });
    const { port } = await serve(runtime, sessions, {
      message: () => {
        last = performance.now();
        journal.note("message");
      },
      close: (_, { code, by }) => journal.note(`close ${code} ${by} ${performance.now() - last}`),
    });
    // This peer answers no ping, and is silent for two heartbeats between its messages.
    const client = new RawClient(port);
    onTestFinished(() => client.destroy());
    client.upgrade();
    await client.response;
    client.socket.pause();
    for (let sent = 1; sent <= 3; sent += 1) {
      client.write(frame("x"));
      await journal.until(sent);
      if (sent < 3) await delay(220);
    }
    await journal.until(4);
    expect(journal.entries.slice(0, 3)).toEqual(["message", "message", "message"]);
    const [, cause = "", ms = ""] = /^(close 1006 heartbeat) (.+)$/.exec(journal.entries[3] ?? "") ?? [];
    expect(cause).toBe("close 1006 heartbeat");
    expect(Number(ms)).toBeGreaterThanOrEqual(heartbeatTimeoutMs);
    client.socket.resume();
    await client.closed;
  });

  test("a stopped client process whose session is destroyed no longer counts at once, and its connection ends soon (fault C8)", async () => {
    const closed = new Journal<number>();
    const sessions = createSessions({ store: mapStore(), heartbeatMs: 0, initial: () => ({ n: 0 }) });
    const server = await serve(runtime, sessions, { close: (_, { code }) => closed.note(code) });
    const { process: child } = await peer(server.port);
    child.kill("SIGSTOP");
    const [connection] = sessions.connections;
    const id = connection?.session.id ?? "";
    expect(await sessions.destroy(id)).toMatchObject({ destroyed: 1, closed: 1 });
    expect(sessions.connections.size).toBe(0);
    await closed.until(1);
    expect(closed.entries).toEqual([4410]);
    child.kill("SIGCONT");
  });
});
