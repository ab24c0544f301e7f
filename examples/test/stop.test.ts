/** The programs with an HTTP server end on SIGTERM, also if a client has not sent a complete request. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";

const program = join(import.meta.dirname, "..", "dist", "deploy", "server.js");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Connects as soon as the program listens, and sends a part of a request. */
async function unfinished(port: number, sent: string) {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    try {
      await once(socket, "connect");
      socket.on("error", () => undefined).resume();
      if (sent !== "") socket.write(sent);
      return socket;
    } catch {
      await wait(50);
    }
  }
}

test("deploy/server: SIGTERM ends the process, though clients have sent nothing, half a request, and half a body", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const port = await freePort();
  const child = spawn(process.execPath, [program], {
    env: {
      ...process.env,
      PORT: String(port),
      REDIS_URL: `redis://${redis.host}:${redis.port}`,
      DRAIN_MS: "100",
    },
    stdio: "inherit",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit");
  const handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const body = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf";
  const sockets = await Promise.all(["", handshake, body].map((sent) => unfinished(port, sent)));
  const closed = Promise.all(sockets.map((socket) => once(socket, "close")));
  // The program answers, so it has begun to read the other connections, and it is ready for the signal.
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  child.kill("SIGTERM");
  await closed;
  expect(await ended).toEqual([0, null]);
});
