import type { Redis } from "ioredis";
import { PatientTimer } from "../../base/patient-timer.ts";
import type { OwnClientEvents } from "../driver.ts";

/** Each status that says that a connection is not usable. */
const UNUSABLE: readonly Redis["status"][] = ["connecting", "connect", "close", "reconnecting", "end"];

/** Reports data that arrives on a connection for commands, and limits its handshake. */
export function watchConnection(
  redis: Redis,
  name: string,
  handshakeMs: number,
  { arrived }: Pick<OwnClientEvents, "arrived">,
): void {
  limitHandshake(redis, handshakeMs);
  const onData = (): void => arrived(name);
  // This listener runs after the one of ioredis, which processes the replies.
  redis.on("connect", () => redis.stream.on("data", onData));
  onReady(redis, onData);
}

/** Calls `listener` once a watched connection is usable. */
export function onReady(redis: Redis, listener: () => void): void {
  redis.on("ready", () => {
    if (redis.status === "ready") listener();
  });
}

/**
 * Closes a connection whose handshake gets no reply. A server that hangs still accepts connections, and
 * ioredis would wait for ever.
 */
export function limitHandshake(redis: Redis, ms: number): void {
  restoreStatus(redis);
  let timer: PatientTimer | undefined;
  const stop = (): void => timer?.stop();
  redis.on("connect", () => {
    const { stream } = redis;
    stop();
    timer = new PatientTimer(ms, () => {
      if (redis.stream === stream && redis.status === "connect") stream.destroy();
    }).unref();
  });
  redis.on("ready", stop);
  redis.on("close", stop);
}

/**
 * Undoes the status `ready` of a connection that was closed during its handshake. ioredis 5.9 to 5.11 set that
 * status if `enableReadyCheck` is false (https://github.com/redis/ioredis/issues/2099), and a client that is `ready`
 * does not connect again. A usable connection is `ready` after `connect` only.
 */
function restoreStatus(redis: Redis): void {
  let { status } = redis;
  for (const next of UNUSABLE)
    redis.on(next, () => {
      status = next;
    });
  redis.on("ready", () => {
    if (status !== "connect") redis.status = status;
  });
}

/** Returns a function that closes the connection if it is still the same and no data has arrived since. */
export function watchSilence(redis: Redis): () => void {
  const { stream } = redis;
  const before = stream?.bytesRead;
  return () => {
    if (redis.stream === stream && stream?.bytesRead === before) stream.destroy();
  };
}
