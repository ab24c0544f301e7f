import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { isSessionError } from "@wsession/core";
import { aCreation, aWrite } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useRedisServer } from "./shared-servers.ts";

const WRITERS = 4;
const WRITES = 60;

const server = useRedisServer();

describe("while connections are cut, replies dropped and requests delayed", () => {
  test("each acknowledged append is applied once, and each other append according to its outcome (I7, I8, I10)", async () => {
    const onlooker = startProcess(server);
    const { id } = aCreation();
    await onlooker.store.create(aCreation({ id, data: { log: [] } }));
    const applied: string[] = [];
    const refused: string[] = [];
    let unknown = 0;

    const writer = async (name: number): Promise<void> => {
      const proxy = await startProxy(server);
      onTestFinished(() => proxy.close());
      const connect = (): Redis => new Redis({ port: proxy.port, retryStrategy: () => 5 });
      const { store } = startProcess(connect, { timeoutMs: 80 });
      let fault = name;
      const faults = setInterval(() => {
        fault += 1;
        if (fault % 4 === 0) proxy.cutAfter(fault % 7);
        else if (fault % 4 === 1) proxy.replies("drop");
        else if (fault % 4 === 2) {
          proxy.replies("pass");
          proxy.cut();
        } else proxy.delayRequests(fault % 8 < 4 ? 60 : 0);
      }, 35);
      let version = 1;
      let log: readonly string[] = [];
      for (let write = 0; write < WRITES; write += 1) {
        const entry = `${name}-${write}`;
        for (;;) {
          const change = aWrite(id, { log: [...log, entry] }, { expect: version, known: version });
          try {
            const result = await store.write(change);
            if (result.type === "conflict" && isLog(result.session.data)) {
              ({ version } = result.session);
              ({ log } = result.session.data);
              continue;
            }
            if (result.type !== "written") throw new Error(result.type);
            applied.push(entry);
            ({ version } = result);
            log = [...log, entry];
          } catch (error) {
            if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error;
            if (error.outcome === "unknown") unknown += 1;
            let outcome = "unknown";
            await until(async () => (outcome = await store.outcome(error)) !== "unknown", 60_000);
            (outcome === "applied" ? applied : refused).push(entry);
          }
          break;
        }
      }
      clearInterval(faults);
    };
    await Promise.all(Array.from({ length: WRITERS }, (_, name) => writer(name)));

    const session = await onlooker.store.load(id);
    if (session === undefined || !isLog(session.data)) return expect.fail("the session is gone");
    expect(session.data.log.toSorted()).toEqual(applied.toSorted());
    expect(session.version).toBe(1 + applied.length);
    expect(applied.length + refused.length).toBe(WRITERS * WRITES);
    // Otherwise the faults had no effect.
    expect(unknown).toBeGreaterThan(0);
  }, 120_000);
});

function isLog(data: object): data is { readonly log: readonly string[] } {
  return "log" in data && Array.isArray(data.log);
}
