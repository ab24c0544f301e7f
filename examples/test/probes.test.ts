import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { start } from "../dist/operations/probes.js";

async function ask(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: await response.json().catch(() => undefined) };
}

test("probes: readiness follows Redis and the shutdown, and liveness does not", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const { url, stop } = await start(`redis://${redis.host}:${redis.port}`);
  await until(async () => (await ask(`${url}/readyz`)).status === 200);
  expect(await ask(`${url}/livez`)).toMatchObject({ status: 200, body: { ok: true, connections: 0 } });
  expect((await fetch(`${url}/else`)).status).toBe(404);

  redis.pause();
  expect(await ask(`${url}/readyz`)).toMatchObject({
    status: 503,
    body: { ok: false, store: { ok: false } },
  });
  expect((await ask(`${url}/livez`)).status).toBe(200);
  redis.continue();
  await until(async () => (await ask(`${url}/readyz`)).status === 200);

  // A client that is still there keeps the sessions closing for the time of the test.
  const socket = new WebSocket(url.replace("http", "ws"));
  await once(socket, "open");
  const gone = once(socket, "close");
  const stopped = stop(100);
  expect(await ask(`${url}/readyz`)).toMatchObject({ status: 503, body: { closing: true } });
  expect((await gone)[0]).toBe(1012);
  await stopped;
});
