import type { Redis } from "ioredis";
import { PatientTimer } from "../../base/arrivals.ts";
import type { OwnClientEvents } from "../driver.ts";

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
  redis.on("ready", onData);
}

/**
 * Closes a connection whose handshake gets no reply. A server that hangs still accepts connections, and
 * ioredis would wait for ever.
 */
export function limitHandshake(redis: Redis, ms: number): void {
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

/** Returns a function that closes the connection if it is still the same and no data has arrived since. */
export function watchSilence(redis: Redis): () => void {
  const { stream } = redis;
  const before = stream?.bytesRead;
  return () => {
    if (redis.stream === stream && stream?.bytesRead === before) stream.destroy();
  };
}
