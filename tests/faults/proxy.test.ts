import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type RedisServer, startRedis, until } from "../../packages/store-redis/test/redis-server.ts";
import { openApplication } from "./application.mjs";
import { campaign, type CampaignReport, type RunningCampaign } from "./campaign.ts";
import { type Fault, Proxy } from "./proxy.ts";

// A campaign on a busy machine takes longer than the usual 30 seconds. Each of its steps has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

let redis: RedisServer;
let proxies: Proxy[];

beforeAll(async () => {
  redis = await startRedis();
  proxies = await Promise.all([1, 2, 3].map(() => Proxy.start(redis.port)));
});

afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await redis.stop();
});

/** The network misbehaves between Redis and `faulty` of three processes, several times over. */
async function under(
  fault: Fault,
  seed: number,
  faulty: readonly Proxy[],
  bites: (running: RunningCampaign, start: () => void) => Promise<void>,
): Promise<CampaignReport> {
  return campaign({
    workers: proxies.map(({ port }) => ({ kind: "standalone", port })),
    direct: { kind: "standalone", port: redis.port },
    seed,
    // After the end of a session its last writes can't be determined.
    destroys: fault.type !== "drop",
    operations: 150,
    async faults(running) {
      for (let round = 0; round < 2; round += 1) {
        await bites(running, () => {
          for (const proxy of faulty) proxy.set(fault);
        });
        for (const proxy of faulty) proxy.set({ type: "none" });
        // A TCP stream has no gaps, so no data arrives after dropped replies.
        if (fault.type === "drop") for (const proxy of faulty) proxy.cut();
        await running.progress(30);
      }
    },
  });
}

test("replies that never arrive, and repeated changes: no change is lost or applied twice (I8, I10, I11)", async () => {
  const report = await under({ type: "drop" }, 1, proxies.slice(0, 2), ({ workers, doubts }, start) =>
    doubts(workers.slice(0, 2), start),
  );
  expect(report.violations).toEqual([]);
  expect(report.unknown).toBeGreaterThan(0);
  // When the server is back, the store can read the outcome of each change.
  expect(report.resolved).toBe(report.unknown);
});

test("late replies: no change is lost or applied twice (I8, I10)", async () => {
  const { violations } = await under({ type: "delay", ms: 60 }, 2, proxies, ({ progress }, start) => {
    start();
    return progress(10);
  });
  expect(violations).toEqual([]);
});

test("connections cut in the middle of a reply: no change is lost or applied twice (I8, I10)", async () => {
  const faulty = proxies.slice(0, 2);
  const cuts = (): number => Math.min(...faulty.map(({ counts }) => counts.cut));
  const { violations } = await under({ type: "cut-in-reply" }, 3, faulty, async (_, start) => {
    start();
    const goal = cuts() + 5;
    await until(() => cuts() >= goal);
  });
  expect(violations).toEqual([]);
});

test("a change whose reply was lost and whose session is gone at the repeat is never reported as not applied (I11)", async () => {
  const [proxy] = proxies;
  if (proxy === undefined) throw new Error("proxies were started");
  const here = await openApplication({ redis: { kind: "standalone", port: redis.port } });
  onTestFinished(() => here.close());
  const there = await openApplication({ redis: { kind: "standalone", port: proxy.port } });
  onTestFinished(() => there.close());
  const { id } = await here.create();
  const session = await there.sessions.get(id);
  proxy.set({ type: "drop" }, "commands");
  const write = session?.update((data) => ({ ...data, counter: 1 })).catch((error: unknown) => error);
  await until(async () => (await here.read(id))?.data.counter === 1);
  await here.destroy(id);
  proxy.set({ type: "none" });
  proxy.cut();
  const error = await write;
  expect(error).toMatchObject({ code: "SESSION_GONE", outcome: "unknown" });
  expect(await there.store.outcome(error)).toBe("unknown");
});

test("the proxy itself keeps the order of replies when a delay is switched on and off", async () => {
  const LINES = 20_000;
  const speak = async (socket: Socket): Promise<void> => {
    for (let line = 0; line < LINES; line += 20) {
      for (let one = line; one < line + 20; one += 1) socket.write(`${one}\n`);
      await wait(1);
    }
  };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    void speak(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const proxy = await Proxy.start(typeof address === "object" ? (address?.port ?? 0) : 0);
  onTestFinished(() => proxy.stop());
  let delayed = false;
  const toggle = setInterval(() => {
    delayed = !delayed;
    proxy.set(delayed ? { type: "delay", ms: 3 } : { type: "none" });
  }, 4);
  onTestFinished(() => clearInterval(toggle));

  let text = "";
  const client = connect(proxy.port, "127.0.0.1");
  client.on("data", (chunk) => (text += chunk.toString()));
  const whole = Array.from({ length: LINES }, (_, line) => `${line}\n`).join("").length;
  await until(() => text.length >= whole);
  client.destroy();

  const lines = text.trimEnd().split("\n").map(Number);
  expect(lines.filter((line, index) => line !== index)).toEqual([]);
  expect(proxy.counts.delayed).toBeGreaterThan(0);
});
