import type { Socket } from "node:net";
import type { Redis, RedisOptions } from "ioredis";
import { PatientTimer } from "../../base/patient-timer.ts";
import type { OwnClientEvents } from "../driver.ts";

/** Each status of a connection that is not usable. */
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
  // This listener runs after the listener of ioredis, which processes the replies.
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
  ignoreLateErrors(redis);
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
 * Undoes the status `ready` of a connection that was closed during its handshake. ioredis 5.9 to 5.11 set that status if
 * `enableReadyCheck` is false (https://github.com/redis/ioredis/issues/2099). A client that is `ready` does not connect again. A
 * usable connection is `ready` after `connect` only.
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

/** The private member of ioredis that creates the stream of each connection. */
interface Connector {
  connect(...args: unknown[]): Promise<Socket>;
  /** Creates a client of a Sentinel, if Sentinels name the server. */
  connectToSentinel?(endpoint: unknown, options?: RedisOptions): Redis;
}

/**
 * Ignores the further errors of each stream, and returns the client. ioredis reports the first error of a stream, and then removes
 * its listener. If a TLS stream is ended before its handshake is complete, the stream may emit two errors: one for the untrusted
 * certificate, and one for the server's alert. Without a listener the second error would end the process. The same holds for the
 * clients that ioredis itself creates, for the slot table of a Cluster and for each Sentinel.
 */
function ignoreLateErrors(redis: Redis): Redis {
  const connector: Connector | undefined = Reflect.get(redis, "connector");
  if (connector === undefined) return redis;
  const connect = connector.connect.bind(connector);
  connector.connect = async (...args) => (await connect(...args)).on("error", () => undefined);
  const connectToSentinel = connector.connectToSentinel?.bind(connector);
  if (connectToSentinel !== undefined)
    // Without `lazyConnect` the client would connect before it has the listener. With it, the first command connects the client.
    connector.connectToSentinel = (endpoint, options) =>
      ignoreLateErrors(connectToSentinel(endpoint, { ...options, lazyConnect: true }));
  const duplicate = redis.duplicate.bind(redis);
  redis.duplicate = (override) => ignoreLateErrors(duplicate(override));
  return redis;
}

/** Returns a function that closes the connection if it is still the same and no data has arrived since. */
export function watchSilence(redis: Redis): () => void {
  const { stream } = redis;
  const before = stream?.bytesRead;
  return () => {
    if (redis.stream === stream && stream?.bytesRead === before) stream.destroy();
  };
}
