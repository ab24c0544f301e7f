import { rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, onTestFinished } from "vitest";
import { type RedisServer, startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { EventFile, PresenceProcess } from "./application-process.ts";
import type { Options } from "./worker.mjs";

interface TestProcesses {
  /** The events of the processes of the present test. */
  readonly file: EventFile;
  /** The Redis server of the present test. */
  readonly redis: () => RedisServer;
  /** Starts a process on the Redis server of the present test, and kills the process when the test ends. */
  readonly start: (options?: Partial<Options>) => Promise<PresenceProcess>;
}

/** For the tests of a file: each test has a Redis server of its own, and processes with these times. */
export function usePresenceProcesses(times: Pick<Options, "leaseMs" | "leaveAfterMs">): TestProcesses {
  const file = new EventFile();
  let started: RedisServer | undefined;
  const redis = (): RedisServer => {
    if (started === undefined) throw new Error("the Redis server is started before each test");
    return started;
  };
  beforeEach(async () => {
    started = await startRedis();
    writeFileSync(file.path, "");
  });
  afterEach(() => started?.stop());
  afterAll(() => rmSync(file.path));
  const start = async (options: Partial<Options> = {}): Promise<PresenceProcess> => {
    const application = await PresenceProcess.start({
      redis: { kind: "standalone", port: redis().port },
      file: file.path,
      ...times,
      ...options,
    });
    onTestFinished(() => application.kill());
    return application;
  };
  return { file, redis, start };
}
