// A rolling upgrade: processes of two releases on one Redis. release-0.1.mjs is release 0.1, bundled (README.md), and next-hooks.mjs makes the
// release after this one.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Client } from "@wsession/conformance";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../packages/store-redis/test/redis-server.ts";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { connect } from "../runtimes.ts";
import { newPrefix, redisClient } from "../stores.ts";

const redis = useRedisServer();

type Release = "0.1" | "present" | "next";

interface Message {
  readonly type: "open" | "done" | "change";
  readonly id: string;
  readonly subject: string | undefined;
  readonly token: string;
  readonly resumed: boolean;
  readonly data: { readonly n: number };
}

interface Process {
  readonly port: number;
  /** The codes of the errors that `onError` got. */
  readonly errors: string[];
}

const prefix = newPrefix();
const ending: (() => Promise<void>)[] = [];
let processes: Readonly<Record<Release, Process>>;

// The same processes for all tests: to start one takes most of a second. Each test has sessions of its own.
beforeAll(async () => {
  const [old, present, later] = await Promise.all([start("0.1"), start("present"), start("next")]);
  processes = { "0.1": old, present, next: later };
});

afterAll(async () => {
  await Promise.all(ending.map((end) => end()));
});

/** The errors since the last call: of 0.1, of the present release, and of the next one. */
const errors = () =>
  [processes["0.1"], processes.present, processes.next].map((each) => each.errors.splice(0));

async function start(release: Release): Promise<Process> {
  const settings = JSON.stringify({ redis: redis.port, prefix, release });
  const child = fork(join(import.meta.dirname, "application.mjs"), [settings], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  ending.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const reported: string[] = [];
  let listens: (port: number) => void, ends: (error: Error) => void;
  const port = new Promise<number>((resolve, reject) => {
    [listens, ends] = [resolve, reject];
  });
  child.on("message", (message: { readonly port?: number; readonly code?: string }) => {
    if (message.port === undefined) reported.push(String(message.code));
    else listens(message.port);
  });
  child.once("exit", (code) => ends(new Error(`application.mjs ended with ${code}`)));
  return { port: await port, errors: reported };
}

const command = (what: object) => JSON.stringify(what);

async function next(client: Client, type: Message["type"]): Promise<Message> {
  for (;;) {
    const message = JSON.parse(String(await client.next())) as Message;
    if (message.type === type) return message;
  }
}

describe.each([
  ["0.1", "present"],
  ["present", "0.1"],
  ["present", "next"],
  ["next", "present"],
] as const)("a session that %s created", (creator, other) => {
  test(`${other} resumes it; writes of both count, and each gets the other's`, async () => {
    const first = await connect(processes[creator]);
    const { id, token } = await next(first, "open");
    const second = await connect(processes[other], `/?token=${token}`);
    expect(await next(second, "open")).toMatchObject({ id, resumed: true, data: { n: 0 } });

    first.send(command({ do: "update", times: 20 }));
    second.send(command({ do: "update", times: 20 }));
    const results = await Promise.all([next(first, "done"), next(second, "done")]);
    expect(Math.max(...results.map(({ data }) => data.n))).toBe(40);
    const [last] = results.toSorted((a, b) => b.data.n - a.data.n);
    const late = results[0] === last ? second : first;
    if (results.some(({ data }) => data.n < 40)) {
      let received = 0;
      while (received < 40) received = (await next(late, "change")).data.n;
    }
    expect(errors()).toEqual([[], [], []]);
  });

  test(`${other} replaces its token and gives it a subject; the new tokens open it in ${creator}`, async () => {
    const first = await connect(processes[creator]);
    const { id, token } = await next(first, "open");
    const second = await connect(processes[other], `/?token=${token}`);
    await next(second, "open");
    second.send(command({ do: "rotate" }));
    const rotated = await next(second, "done");
    const third = await connect(processes[creator], `/?token=${rotated.token}`);
    expect(await next(third, "open")).toMatchObject({ id, resumed: true });

    second.send(command({ do: "identify", subject: "ada" }));
    const identified = await next(second, "done");
    const fourth = await connect(processes[creator], `/?token=${identified.token}`);
    expect(await next(fourth, "open")).toMatchObject({ id, resumed: true, subject: "ada" });
    expect(errors()).toEqual([[], [], []]);
  });

  test(`${other} destroys it: the sockets of both close with 4410, and its token opens nothing (I9)`, async () => {
    const first = await connect(processes[creator]);
    const { token } = await next(first, "open");
    const second = await connect(processes[other], `/?token=${token}`);
    await next(second, "open");
    second.send(command({ do: "destroy" }));
    const gone = { code: 4410, reason: "by command" };
    expect(await Promise.all([first.closed, second.closed])).toEqual([gone, gone]);
    const late = await connect(processes[creator], `/?token=${token}`);
    expect(await next(late, "open")).toMatchObject({ resumed: false });
  });
});

test("destroySubject of this release ends the sessions that 0.1 identified, also on 0.1's connections", async () => {
  const first = await connect(processes["0.1"]);
  await next(first, "open");
  first.send(command({ do: "identify", subject: "ada" }));
  await next(first, "done");
  const operator = await connect(processes.present);
  await next(operator, "open");
  operator.send(command({ do: "destroySubject", subject: "ada" }));
  expect(await first.closed).toEqual({ code: 4410, reason: "by command" });
});

describe("a session with lifetimes of its own, which 0.1 does not support", () => {
  test("0.1 refuses it by CORRUPT_RECORD and leaves it unchanged, and this release opens it again", async () => {
    const client = redisClient(redis.port);
    const first = await connect(processes.present, "/?idleMs=60000");
    const { id, token } = await next(first, "open");
    first.send(command({ do: "update", times: 1 }));
    await next(first, "done");
    const key = `${prefix}:s:{${id}}`;
    const before = await client.hgetall(key);

    await expect(connect(processes["0.1"], `/?token=${token}`)).rejects.toThrow("answered with 503");
    await until(() => processes["0.1"].errors.length > 0);
    expect(errors()).toEqual([["CORRUPT_RECORD"], [], []]);
    const after = await client.hgetall(key);
    expect({ m: after["m"], n: after["d:n"] }).toEqual({ m: before["m"], n: before["d:n"] });

    const again = await connect(processes.present, `/?token=${token}`);
    expect(await next(again, "open")).toMatchObject({ id, resumed: true, data: { n: 1 } });
    expect(await client.pttl(key)).toBeLessThanOrEqual(61_000);
  });
});

describe("a record of the next release", () => {
  const keyOf = (id: string) => `${prefix}:s:{${id}}`;

  test("has a part that this release does not define, and keeps this part through all operations of this release (fault B9)", async () => {
    const first = await connect(processes.next);
    const { id, token } = await next(first, "open");
    const client = redisClient(redis.port);
    const metadata = async () => (await client.hget(keyOf(id), "m")) ?? "";
    expect(await metadata()).toMatch(/ 1 nx$/);
    const second = await connect(processes.present, `/?token=${token}`);
    await next(second, "open");
    for (const what of [{ do: "update", times: 2 }, { do: "rotate" }, { do: "identify", subject: "bo" }])
      await answered(second, what);
    expect(await metadata()).toMatch(/ 1 nx$/);
    first.send(command({ do: "update", times: 1 }));
    expect((await next(first, "done")).data).toEqual({ n: 3 });
    expect(errors()).toEqual([[], [], []]);
  });

  test("that needs a format which this release does not support is refused by CORRUPT_RECORD and left unchanged, and the next release reads it", async () => {
    const first = await connect(processes.next);
    const { id, token } = await next(first, "open");
    const client = redisClient(redis.port);
    const metadata = (await client.hget(keyOf(id), "m")) ?? "";
    await client.hset(keyOf(id), "m", metadata.replace(/ 1 nx$/, " 2 nx"));
    const before = await client.hget(keyOf(id), "m");

    await expect(connect(processes.present, `/?token=${token}`)).rejects.toThrow("answered with 503");
    await until(() => processes.present.errors.length > 0);
    expect(errors()).toEqual([[], ["CORRUPT_RECORD"], []]);
    expect(await client.hget(keyOf(id), "m")).toBe(before);

    const again = await connect(processes.next, `/?token=${token}`);
    expect(await next(again, "open")).toMatchObject({ id, resumed: true });
  });
});

async function answered(client: Client, what: object): Promise<void> {
  client.send(command(what));
  await next(client, "done");
}
