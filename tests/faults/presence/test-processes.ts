import { rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, onTestFinished } from "vitest";
import { type RedisServer, startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { EventFile, PresenceProcess } from "./application-process.ts";
import type { Options } from "./worker.mjs";

interface TestProcesses {
  /** The events of the processes of the present test. */
  readonly file: EventFile;
  /** Starts a process on the Redis server of the present test, and kills the process when the test ends. */
  readonly start: (options?: Partial<Options>) => Promise<PresenceProcess>;
}

/** For the tests of a file: each test has a Redis server of its own, and processes with these times. */
export function usePresenceProcesses(times: Pick<Options, "leaseMs" | "leaveAfterMs">): TestProcesses {
  const file = new EventFile();
  let redis: RedisServer | undefined;
  beforeEach(async () => {
    redis = await startRedis();
    writeFileSync(file.path, "");
  });
  afterEach(() => redis?.stop());
  afterAll(() => rmSync(file.path));
  const start = async (options: Partial<Options> = {}): Promise<PresenceProcess> => {
    if (redis === undefined) throw new Error("the Redis server is started before each test");
    const started = await PresenceProcess.start({
      redis: { kind: "standalone", port: redis.port },
      file: file.path,
      ...times,
      ...options,
    });
    onTestFinished(() => started.kill());
    return started;
  };
  return { file, start };
}
