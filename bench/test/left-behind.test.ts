// A bench that ends by an error or a signal leaves no server and no folder.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { expect, onTestFinished, test } from "vitest";

const module = join(import.meta.dirname, "..", "dist", "kit", "redis.js");

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const [event] = await Promise.race([
    once(socket, "connect").then(() => ["connect"]),
    once(socket, "error").then(() => ["error"]),
  ]).catch(() => ["error"]);
  socket.destroy();
  return event === "connect";
}

/** Runs a program that starts a server and then ends in this way. Resolves with the exit code. */
async function endBy(end: string) {
  const program = `
    const { startRedis } = await import(${JSON.stringify(module)});
    const { port, client } = await startRedis();
    const [, folder] = await client.config("GET", "dir");
    process.stdout.write(JSON.stringify({ port, folder, server: await client.info("server") }), () => { ${end} });
    setInterval(() => undefined, 1_000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.on("data", (chunk) => (text += String(chunk)));
  const [code] = await once(child, "close");
  const { port, folder, server } = JSON.parse(text) as Readonly<Record<"port" | "folder" | "server", string>>;
  const pid = Number(/process_id:(\d+)/.exec(server)?.[1]);
  onTestFinished(() => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended, as it should.
    }
  });
  return { code, port: Number(port), folder };
}

test.each([
  ["an error that is not caught", "throw new Error('planned')", 1],
  ["a rejection that is not awaited", "Promise.reject(new Error('planned'))", 1],
  ["process.exit()", "process.exit(3)", 3],
  ["SIGTERM", "process.kill(process.pid, 'SIGTERM')", 143],
  ["SIGINT", "process.kill(process.pid, 'SIGINT')", 130],
])("a bench that ends by %s leaves no Redis server and no folder", async (_, end, expected) => {
  const { code, port, folder } = await endBy(end);
  expect(code).toBe(expected);
  await until(async () => !(await listens(port)));
  expect(existsSync(folder)).toBe(false);
});
