import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Journal } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { describe, expect, onTestFinished, test } from "vitest";
import { startRedis } from "../../packages/store-redis/test/redis-server.ts";
import { connect, runtimeNames } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { newPrefix } from "../stores.ts";

const APPLICATION = fileURLToPath(new URL("application.mjs", import.meta.url));

interface Report {
  readonly stage: string;
  readonly code: string;
  readonly ofConnection: boolean;
}

const isReport = (message: unknown): message is Report =>
  typeof message === "object" && message !== null && "stage" in message;

/** The application, with `clients` connections, each with its session; and then without Redis. */
async function withoutRedis(runtime: RuntimeName, clients: number) {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const parameters = { redis: redis.port, prefix: newPrefix(), runtime };
  const child = fork(APPLICATION, [JSON.stringify(parameters)], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => void printed.push(text));
  const reported = new Journal<Report>();
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  child.on("message", (message) => {
    if (isReport(message)) reported.note(message);
  });
  const connected: Client[] = [];
  for (let count = 0; count < clients; count += 1) {
    const client = await connect({ port });
    await client.next();
    connected.push(client);
  }
  const witness = await connect({ port });
  await witness.next();
  await redis.kill();
  const lives = async () => {
    witness.send("ping");
    return (await witness.next()) === "pong" && child.exitCode === null;
  };
  return { connected, reported, lives, printed };
}

/** The reports to `onError` that come from the calls themselves, without those of the store. */
const unhandled = ({ entries }: Journal<Report>) => entries.filter(({ stage }) => stage === "unhandled");

const OF_HANDLES = [
  "session.set",
  "session.patch",
  "session.patch, three in one tick",
  "session.patch().then(…)",
  "session.patch().then(…).then(…)",
  "session.patch().finally(…)",
  "session.update",
  "session.refresh",
  "session.touch",
  "session.extend",
  "session.identify",
  "session.rotate",
  "session.destroy",
  "setSession",
];

const OF_SESSIONS = [
  "sessions.get",
  "sessions.create",
  "sessions.destroy",
  "sessions.bySubject",
  "sessions.destroySubject",
  "sessions.presence",
  "an administrative patch",
  "an administrative refresh",
];

describe.each(runtimeNames)("%s", (runtime) => {
  test("I12 fault F3: if Redis is unavailable, a rejected call of a connection that is not awaited ends only that connection, with 4503", async () => {
    const { connected, reported, lives, printed } = await withoutRedis(runtime, OF_HANDLES.length);
    for (const [index, call] of OF_HANDLES.entries()) connected[index]?.send(`floating:${call}`);
    const codes = await Promise.all(connected.map(async ({ closed }) => (await closed).code));
    expect(Object.fromEntries(OF_HANDLES.map((call, index) => [call, codes[index]]))).toEqual(
      Object.fromEntries(OF_HANDLES.map((call) => [call, 4503])),
    );
    expect(await lives()).toBe(true);
    const failure = { stage: "unhandled", code: "STORE_UNAVAILABLE", ofConnection: true };
    expect(unhandled(reported)).toEqual(OF_HANDLES.map(() => failure));
    expect(printed).toEqual([]);
  });

  test("I12 fault F3: a rejected call of the sessions that is not awaited is reported to onError, and ends no connection", async () => {
    const { connected, reported, lives, printed } = await withoutRedis(runtime, 1);
    const [client = expect.unreachable()] = connected;
    for (const call of OF_SESSIONS) client.send(`floating:${call}`);
    while (unhandled(reported).length < OF_SESSIONS.length) await reported.until(reported.entries.length + 1);
    const failure = { stage: "unhandled", code: "STORE_UNAVAILABLE", ofConnection: false };
    expect(unhandled(reported)).toEqual(OF_SESSIONS.map(() => failure));
    client.send("ping");
    expect(await client.next()).toBe("pong");
    expect(await lives()).toBe(true);
    expect(printed).toEqual([]);
  });

  test("fault F3: a rejection that the application catches has no other effect", async () => {
    const calls = [...OF_HANDLES.filter((call) => !call.includes("three")), ...OF_SESSIONS];
    const { connected, reported, lives, printed } = await withoutRedis(runtime, calls.length);
    for (const [index, call] of calls.entries()) connected[index]?.send(`caught:${call}`);
    expect(await Promise.all(connected.map((client) => client.next()))).toEqual(calls.map(() => "caught"));
    expect(await lives()).toBe(true);
    expect(unhandled(reported)).toEqual([]);
    expect(printed).toEqual([]);
  });

  test("fault F3: a rejection that a handler awaits ends the connection only through the failure of that handler", async () => {
    const { connected, reported, lives } = await withoutRedis(runtime, 1);
    connected[0]?.send("awaited:session.patch");
    expect((await connected[0]?.closed)?.code).toBe(4503);
    expect(await lives()).toBe(true);
    const failures = reported.entries.filter(({ ofConnection }) => ofConnection);
    expect(failures).toEqual([{ stage: "message", code: "STORE_UNAVAILABLE", ofConnection: true }]);
  });

  test("I12 fault F3: an error in a promise that is not awaited ends its connection with 1011", async () => {
    const { connected, reported, lives, printed } = await withoutRedis(runtime, 2);
    connected[0]?.send("floating:ready().then(…), which throws");
    connected[1]?.send("floating:a handle's own mistake");
    for (const { closed } of connected) expect((await closed).code).toBe(1011);
    expect(await lives()).toBe(true);
    const failure = { stage: "unhandled", code: "Error: a typo", ofConnection: true };
    expect(unhandled(reported)).toEqual([failure, failure]);
    expect(printed).toEqual([]);
  });

  test("I12 fault F3: an unhandled rejection of close, of a server or of the sessions, does not end the process", async () => {
    const { connected, printed } = await withoutRedis(runtime, 2);
    connected[0]?.send("floating:binding.close");
    connected[1]?.send("floating:sessions.close");
    for (const { closed } of connected) expect((await closed).code).toBe(1012);
    expect(printed).toEqual([]);
  });
});
