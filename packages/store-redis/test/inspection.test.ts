import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { warningsDuring } from "@wsession/conformance";
import { redisInspection } from "@wsession/store-redis/inspection";
import type { BusEvent } from "@wsession/store-redis/inspection";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { expect, onTestFinished, test } from "vitest";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const redis = useRedisServer();

function inspect() {
  const client = new Redis({ port: redis.port, lazyConnect: true });
  const inspection = redisInspection({ client, timeoutMs: 10_000 });
  onTestFinished(() => {
    inspection.close();
    client.disconnect();
  });
  return inspection;
}

test("I12 an error of the function of listen, and the rejection of its promise, become warnings, and later events arrive", async () => {
  const inspection = inspect();
  const observed: BusEvent["type"][] = [];
  const onEvent = (event: BusEvent): unknown => {
    observed.push(event.type);
    if (event.type === "listening") throw new Error("thrown\nby the application");
    return Promise.reject(new Error("rejected by the application"));
  };
  const warned = await warningsDuring("WsessionWarning", async () => {
    inspection.listen(onEvent);
    await until(() => observed.includes("listening"));
    await startProcess({ port: redis.port }).store.destroySubject("ada", undefined);
    await until(() => observed.includes("subject-destroyed"));
  });
  const advice = "; catch the errors of the function that listen() was given";
  expect(warned.map(({ message }) => message)).toEqual([
    `listen: thrown by the application${advice}`,
    `listen: rejected by the application${advice}`,
  ]);
});

test("a subject that is not well-formed Unicode, is empty or no string is refused, as by all other calls", () => {
  const inspection = inspect();
  for (const subject of ["\uD800", "a\uDC00b", "", undefined, null, 5, {}])
    expect(() => inspection.subject(subject as string)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
});

/** A server that knows no command, such as a proxy, or Redis with renamed commands. Redis quotes the arguments of an unknown command. */
async function startIgnorantServer(): Promise<number> {
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("error", () => undefined);
    socket.on("data", (text: string) => {
      const commands = text.split(/^\*\d+\r\n/m).slice(1);
      for (const command of commands) {
        const [name, ...args] = command.split("\r\n").filter((_, index) => index % 2 === 1);
        const quoted = args.map((arg) => `'${arg}'`).join(" ");
        socket.write(`-ERR unknown command '${name}', with args beginning with: ${quoted}\r\n`);
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test.each([
  ["ioredis", (port: number) => new Redis(`redis://:secret-word@127.0.0.1:${port}`, { lazyConnect: true })],
  ["node-redis", (port: number) => createClient({ url: `redis://:secret-word@127.0.0.1:${port}` })],
])(
  "no event and no finding has the password, although the server quotes the password in its error: %s",
  async (_, create) => {
    const client = create(await startIgnorantServer()).on("error", () => undefined);
    const inspection = redisInspection({ client, timeoutMs: 3_000 });
    onTestFinished(() => inspection.close());
    const events: BusEvent[] = [];
    inspection.listen((event) => void events.push(event));
    await until(() => events.length > 0);
    expect(events[0]).toEqual({
      type: "interrupted",
      cause: expect.stringMatching(/unknown command 'auth'/i),
    });
    const reported = JSON.stringify([events, await inspection.check()]);
    expect(reported).not.toContain("secret-word");
  },
);
