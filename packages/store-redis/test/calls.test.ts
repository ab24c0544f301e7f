import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { SessionError } from "@wsession/core";
import { Redis } from "ioredis";
import { Calls } from "../src/connection/calls.ts";
import { ServerClock } from "../src/connection/clock.ts";
import { Connection } from "../src/connection/connection.ts";
import { ServerAvailability } from "../src/connection/availability.ts";
import { newCounters } from "../src/base/diagnostics.ts";
import { LatencyHistogram } from "../src/base/latency-histogram.ts";
import { Sender } from "../src/connection/sender.ts";
import type { SentCommand } from "../src/drivers/driver.ts";
import { ioredisDriver } from "../src/drivers/ioredis/ioredis.ts";
import { ServerClient } from "../src/drivers/ioredis/server-client.ts";
import { aCreation } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { cli, startRedis, until } from "./redis-server.ts";

/** Longer than all other steps of a test take on a busy machine. */
const PATIENT_MS = 30_000;

/** Calls to their own server, with the sent commands. The test sets the number of earlier attempts itself. */
async function calls(timeoutMs: number) {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const client = new Redis(server.port, "127.0.0.1");
  onTestFinished(() => client.disconnect());
  const sent: SentCommand[] = [];
  class Watched extends Sender {
    override send(name: string, args: string[]): SentCommand {
      const command = super.send(name, args);
      sent.push(command);
      return command;
    }
  }
  const connection = new Connection(ioredisDriver(client), timeoutMs);
  const sender = new Watched(connection);
  const clock = new ServerClock();
  const availability = new ServerAvailability(connection, sender, clock, {
    allowEviction: false,
    timeoutMs,
    report: (error) => expect.fail(String(error)),
    checked: () => undefined,
    restored: () => undefined,
  });
  onTestFinished(() => availability.close());
  const latency = new LatencyHistogram();
  const counters = newCounters(latency);
  const made = new Calls({ sender, availability, clock, timeoutMs, counters, latency });
  // Wait here, because on a busy machine connecting takes longer than one call.
  await made.ready(performance.now() + 10_000);
  sent.length = 0;
  const own = connection.client;
  if (!(own instanceof ServerClient)) throw new Error("there is one server");
  return { calls: made, client, own: own.redis, clock, sent };
}

/** Blocks the process for `ms`, so that the next data is read after timers are due. */
function readLate(client: Redis, ms: number): void {
  client.stream.prependOnceListener("data", () => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  });
}

const failed = (outcome: string) => expect.objectContaining({ code: "STORE_UNAVAILABLE", outcome });
const attempts = [
  [0, "not-applied"],
  [1, "unknown"],
] as const;

test.each(attempts)(
  "an unknown script when no time is left, after %i other attempts: %s (I11)",
  async (before, outcome) => {
    const { calls: made, client, own, sent } = await calls(200);
    await client.script("FLUSH");
    readLate(own, 220);
    const answer = made.timedScript("touch", "ws:s:{none}", ["1000", ""], (reply) => reply);
    for (const command of sent) command.attempts += before;
    await expect(answer).rejects.toEqual(failed(outcome));
    expect(sent).toHaveLength(1);
  },
);

test.each(attempts)(
  "a script that arrives too late, after %i other attempts: %s (I10, I11)",
  async (before, outcome) => {
    const { calls: made, client, own, clock, sent } = await calls(200);
    await client.hset("ws:s:{late}", "m", "1 0 1 10 0 0");
    const now = performance.now();
    clock.observe(Date.now() - 10_000, now, now);
    readLate(own, 220);
    const answer = made.timedScript("set-holder", "ws:s:{late}", ["node", "1", "1"], (reply) => reply);
    for (const command of sent) command.attempts += before;
    await expect(answer).rejects.toEqual(failed(outcome));
  },
);

test.each(attempts)(
  "a refusal for lack of memory, after %i other attempts: %s (I11)",
  async (before, outcome) => {
    const { calls: made, client, sent } = await calls(10_000);
    await client.hset("ws:s:{full}", "m", "1 0 1 0 10 0 0");
    await client.config("SET", "maxmemory", "1");
    const answer = made.timedScript("set-holder", "ws:s:{full}", ["node", "1", "1"], (reply) => reply);
    for (const command of sent) command.attempts += before;
    await expect(answer).rejects.toEqual(failed(outcome));
    await expect(answer).rejects.toMatchObject({ message: expect.stringContaining("OOM") });
  },
);

test("a write that Redis refuses for lack of replicas is tried again, and after the deadline the error names the refusal", async () => {
  const server = await startRedis(["--min-replicas-to-write", "1"]);
  onTestFinished(() => server.stop());
  const [patient, hasty] = [
    startProcess(server, { timeoutMs: PATIENT_MS }),
    startProcess(server, { timeoutMs: 500 }),
  ];
  const creating = patient.store.create(aCreation());
  await until(async () => (await cli(server.port, "info", "errorstats")).includes("NOREPLICAS"));
  // The reply to the last attempt may come after the deadline. Then the outcome of this call is unknown.
  await until(async () => {
    const error: unknown = await hasty.store.create(aCreation()).catch((reason: unknown) => reason);
    return (
      error instanceof SessionError && /NOREPLICAS/.test(error.message) && error.outcome === "not-applied"
    );
  });
  await cli(server.port, "config", "set", "min-replicas-to-write", "0");
  await expect(creating).resolves.toMatchObject({ type: "created" });
});

test.each([
  ["a password is required", "config set requirepass secret-of-mine", {}, "Redis can't be reached", /NOAUTH/],
  [
    "the password is wrong",
    "config set requirepass secret-of-mine",
    { password: "guess-of-mine" },
    "Redis can't be reached",
    /WRONGPASS/,
  ],
  [
    "channels are not permitted",
    "acl setuser default resetchannels",
    {},
    "the subscription to announcements is not established",
    /NOPERM/,
  ],
  ["no server listens", "shutdown nosave", {}, "Redis can't be reached", /ECONNREFUSED/],
  [
    "keys are evicted",
    "config set maxmemory-policy allkeys-lru",
    {},
    "Redis can't be used",
    /Redis evicts keys .*set noeviction/,
  ],
] as const)(
  "the error and its cause say why Redis can't be used, and contain no secret: %s",
  async (_, command, options, what, why) => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    await cli(server.port, ...command.split(" ")).catch(() => undefined);
    const { store } = startProcess(() => new Redis({ port: server.port, host: "127.0.0.1", ...options }), {
      // A busy machine may take a second until the refusal is known that the error has to name.
      timeoutMs: 2_000,
    });
    const creating = store.create(aCreation({ hold: true }));
    await expect(creating).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "not-applied",
      // A warning of the process has the message alone.
      message: expect.stringMatching(new RegExp(`^${what}: .*${why.source}`)),
      cause: { message: expect.stringMatching(why) },
    });
    const error = await creating.then(String, (reason: unknown) => inspect(reason, { depth: 5 }));
    expect(error).not.toMatch(/of-mine/);
  },
);
