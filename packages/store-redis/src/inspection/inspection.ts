import {
  assertFunction,
  assertNoMore,
  assertOptions,
  assertString,
  assertSubject,
} from "@wsession/core/runtime";
import { isSessionId } from "../base/keys.ts";
import type { RedisStoreOptions } from "../base/options.ts";
import { load } from "../commands/load.ts";
import { assertNoClient } from "../drivers/detect.ts";
import { makeServices, type Services } from "../holders/services.ts";
import { Subjects } from "../sessions/subjects.ts";
import { ChannelListener } from "./bus.ts";
import { checkRedis } from "./check.ts";
import type {
  Bus,
  BusEvent,
  InspectedMemory,
  InspectedRecord,
  InspectedSubject,
  RedisInspection,
  ScanStep,
} from "./contract.ts";
import type { CheckReport } from "./findings.ts";
import { readRecord } from "./records.ts";
import { Scan } from "./scan.ts";

/** Which sessions to inspect: the options of `redisStore` for their place in Redis. */
export type RedisInspectionOptions = Pick<RedisStoreOptions, "client" | "prefix" | "timeoutMs">;

const NAMES: readonly string[] = [
  "client",
  "prefix",
  "timeoutMs",
] satisfies readonly (keyof RedisInspectionOptions)[];

/**
 * Opens the sessions of a `redisStore` for reading, without taking part as a process. A server with an evicting policy is read too;
 * a replica is refused, because its data may be stale. Each call rejects with STORE_UNAVAILABLE within `timeoutMs` if Redis does not
 * answer.
 *
 * @throws INVALID_ARGUMENT for a missing, misspelt or invalid option.
 * @example
 * ```ts
 * const inspection = redisInspection({ client: new Redis({ lazyConnect: true }) });
 * let count = 0;
 * for await (const { records } of inspection.scan()) count += records.length;
 * inspection.close();
 * ```
 */
export function redisInspection(options: RedisInspectionOptions): RedisInspection;
export function redisInspection(options: RedisInspectionOptions, surplus?: undefined): RedisInspection {
  assertNoMore("redisInspection()", surplus);
  assertNoClient("redisInspection", options);
  assertOptions("redisInspection", options, NAMES);
  return new Inspection(options);
}

class Inspection implements RedisInspection {
  readonly #options: RedisInspectionOptions;
  readonly #services: Services;
  readonly #scan: Scan;
  readonly #buses = new Set<Bus>();

  constructor(options: RedisInspectionOptions) {
    this.#options = options;
    const ignore = (): void => undefined;
    this.#services = makeServices({ ...options, allowEviction: true }, { report: ignore, nodeDied: ignore });
    const { calls, keys, settings } = this.#services;
    this.#scan = new Scan(this.#services, new Subjects(calls, keys, settings.tombstoneMs));
  }

  scan(surplus?: undefined): AsyncIterable<ScanStep> {
    assertNoMore("redisInspection: scan()", surplus);
    return this.#scan.steps();
  }

  record(id: string, surplus?: undefined): Promise<InspectedRecord> {
    assertName("id", id, surplus);
    // The server's clock has to be known, because the record is compared with it.
    return this.#ready().then(() => readRecord(this.#services, id));
  }

  data(id: string, surplus?: undefined): Promise<object | undefined> {
    assertName("id", id, surplus);
    return this.#data(id);
  }

  subject(subject: string, surplus?: undefined): Promise<InspectedSubject> {
    assertSubject("redisInspection: subject()", subject);
    assertNoMore("redisInspection: subject()", surplus);
    return this.#ready().then(() => this.#scan.subject(subject));
  }

  isAlive(process: string, surplus?: undefined): Promise<boolean> {
    assertName("process", process, surplus);
    return this.#services.liveness.look(process);
  }

  memoryOf(id: string, surplus?: undefined): Promise<number | undefined> {
    assertName("id", id, surplus);
    return this.#memoryOf(id);
  }

  async #data(id: string): Promise<object | undefined> {
    if (!isSessionId(id)) return undefined;
    const found = await load(this.#services, id);
    return found.type === "session" ? found.session.data : undefined;
  }

  async #memoryOf(id: string): Promise<number | undefined> {
    if (!isSessionId(id)) return undefined;
    const { calls, keys } = this.#services;
    try {
      const asked = [keys.session(id), keys.outbox(id)].map((key) => calls.command("memory", ["usage", key]));
      const [session, outbox] = await Promise.all(asked);
      return typeof session === "number" ? session + (typeof outbox === "number" ? outbox : 0) : undefined;
    } catch {
      return undefined;
    }
  }

  memory(surplus?: undefined): Promise<readonly InspectedMemory[]> {
    assertNoMore("redisInspection: memory()", surplus);
    return this.#memory();
  }

  async #memory(): Promise<readonly InspectedMemory[]> {
    await this.#ready();
    const { calls, connection } = this.#services;
    const asked = connection.client.servers.map(async (server) => {
      const info = String(await calls.commandAt(server, "info", ["memory"]));
      const field = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
      return { server: server.name, usedBytes: field("used_memory"), maxBytes: field("maxmemory") };
    });
    // A user without the right to INFO, or a server that does not answer.
    return (await Promise.allSettled(asked)).flatMap((answer) =>
      answer.status === "fulfilled" ? [answer.value] : [],
    );
  }

  listen(onEvent: (event: BusEvent) => void, surplus?: undefined): Bus {
    assertFunction("redisInspection: onEvent", onEvent);
    assertNoMore("redisInspection: listen()", surplus);
    const bus = new ChannelListener(this.#services, onEvent);
    this.#buses.add(bus);
    return bus;
  }

  check(surplus?: undefined): Promise<CheckReport> {
    assertNoMore("redisInspection: check()", surplus);
    return checkRedis(this.#options);
  }

  close(surplus?: undefined): void {
    assertNoMore("redisInspection: close()", surplus);
    for (const bus of this.#buses) bus.close();
    this.#services.liveness.close();
    this.#services.availability.close();
  }

  #ready(): Promise<void> {
    const { calls } = this.#services;
    return calls.ready(calls.deadline());
  }
}

/** Checks the arguments of a method that takes the name of one thing, and nothing else. */
function assertName(what: string, name: string, surplus: unknown): void {
  assertString(`redisInspection: ${what}`, name);
  assertNoMore(`redisInspection: the method with the ${what}`, surplus);
}
