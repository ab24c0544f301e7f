import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { Started } from "../src/started.ts";

export async function running(start: () => Promise<Started>): Promise<Started> {
  const started = await start();
  onTestFinished(async () => void (await started.close()));
  return started;
}

/** A client that stores what arrived. */
export async function connect(url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, { headers });
  onTestFinished(() => socket.terminate());
  const arrived: string[] = [];
  socket.on("message", (data) => void arrived.push(String(data)));
  const closed = once(socket, "close").then(([code]) => Number(code));
  /** Resolves with all messages once there are `count`. */
  const next = async (count: number): Promise<string[]> => {
    while (arrived.length < count) await once(socket, "message");
    return arrived;
  };
  await once(socket, "open");
  return { socket, next, closed };
}

/** Opens a TCP connection, and sends a part of a request. */
export async function unfinished(port: number, sent: string): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined).resume();
  await once(socket, "connect");
  if (sent !== "") socket.write(sent);
  return socket;
}

/** The status of a refused handshake. */
export async function refused(url: string): Promise<number> {
  const socket = new WebSocket(url);
  socket.on("error", () => undefined);
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
  socket.terminate();
  return response.statusCode;
}
