import { redisInspection } from "@wsession/store-redis/inspection";
import type { BusEvent } from "@wsession/store-redis/inspection";
import { Redis } from "ioredis";
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

/** The warnings of the process from now on, until the end of the test. */
function warnings(): string[] {
  const texts: string[] = [];
  const add = (warning: Error): void => void texts.push(`${warning.name}: ${warning.message}`);
  process.on("warning", add);
  onTestFinished(() => void process.off("warning", add));
  return texts;
}

test("I12 an error of the function of listen, and the rejection of its promise, become warnings, and later events arrive", async () => {
  const texts = warnings();
  const inspection = inspect();
  const observed: BusEvent["type"][] = [];
  const onEvent = (event: BusEvent): unknown => {
    observed.push(event.type);
    if (event.type === "listening") throw new Error("thrown\nby the application");
    return Promise.reject(new Error("rejected by the application"));
  };
  inspection.listen(onEvent);
  await until(() => observed.includes("listening"));
  await startProcess({ port: redis.port }).store.destroySubject("ada", undefined);
  await until(() => observed.includes("subject-destroyed"));
  const advice = "; catch the errors of the function that listen() was given";
  await until(() => texts.length === 2);
  expect(texts).toEqual([
    `WsessionWarning: listen: thrown by the application${advice}`,
    `WsessionWarning: listen: rejected by the application${advice}`,
  ]);
});

test("a subject that is not well-formed Unicode, is empty or no string is refused, as by all other calls", () => {
  const inspection = inspect();
  for (const subject of ["\uD800", "a\uDC00b", "", undefined, null, 5, {}])
    expect(() => inspection.subject(subject as string)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
});
