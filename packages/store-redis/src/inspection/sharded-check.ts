import { reasonOf } from "../base/failures.ts";
import type { Connection } from "../connection/connection.ts";
import { Shards } from "../connection/shards.ts";
import { type Finding, fine, note } from "./findings.ts";

/** Whether a process could subscribe to its sharded channels on a Cluster, at each primary. */
export async function shardedFinding(
  connection: Connection,
  channelOf: (tag: string) => string,
  timeoutMs: number,
): Promise<Finding> {
  const topic = "channels";
  const primaries = new Shards().update(connection.client.slots);
  const tries = [...primaries].map(([primary, [tag = ""]]) =>
    subscribeOnce(connection, primary, channelOf(tag), timeoutMs),
  );
  const failure = (await Promise.all(tries)).find((reason) => reason !== undefined);
  if (failure === undefined) return fine({ topic, message: "sharded channels work on each primary" });
  return note(
    { topic, message: `no sharded channels, so announcements cross the bus of the Cluster: ${failure}` },
    "Use Redis 7 or newer, and allow SSUBSCRIBE, SUNSUBSCRIBE and SPUBLISH.",
  );
}

/** Resolves with the reason of the failure; `undefined` if the subscription was accepted. */
async function subscribeOnce(
  connection: Connection,
  primary: string,
  channel: string,
  timeoutMs: number,
): Promise<string | undefined> {
  let reason: string | undefined;
  const ignore = (): undefined => undefined;
  const events = { message: ignore, ended: ignore, failed: ignore };
  const listener = connection.createListener(events, primary);
  if (listener === undefined) return `the primary ${primary} is not known`;
  const timer = setTimeout(() => {
    reason = `${primary} did not answer in time`;
    listener.cut();
  }, timeoutMs);
  try {
    await listener.subscribeSharded(channel);
    return undefined;
  } catch (error) {
    return reason ?? reasonOf(error).message;
  } finally {
    clearTimeout(timer);
    listener.cut();
  }
}
