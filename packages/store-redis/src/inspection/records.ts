import { isSessionError } from "@wsession/core";
import { isSessionId } from "../base/keys.ts";
import { shownNode } from "../base/node-names.ts";
import { optionalText } from "../base/optional-text.ts";
import { parseHolders, parseMetadata, parseOutboxRecord } from "../base/record.ts";
import type { Services } from "../holders/services.ts";
import type { InspectedRecord, InspectedSession } from "./contract.ts";

/** Reads the record under the id of a session, without the digests of its tokens. */
export async function readRecord(
  { calls, keys }: Pick<Services, "calls" | "keys">,
  id: string,
): Promise<InspectedRecord> {
  if (!isSessionId(id)) return { type: "missing", id };
  try {
    const reply = await calls.command("hmget", [keys.session(id), "m", "s", "h", "o", "t", "r", "l"]);
    return parseRecord(id, Array.isArray(reply) ? reply : [], calls.serverNow() ?? 0);
  } catch (error) {
    if (isSessionError(error, "CORRUPT_RECORD")) return { type: "unreadable", id };
    throw error;
  }
}

function parseRecord(id: string, values: readonly unknown[], now: number): InspectedRecord {
  const [metadata, subject, holders, outbox, tombstone, reason, replaced] = values;
  if (typeof metadata !== "string") {
    if (typeof tombstone !== "string") {
      // A hash with other fields only is a record that lost its metadata.
      return values.some((value) => typeof value === "string")
        ? { type: "unreadable", id }
        : { type: "missing", id };
    }
    const why = optionalText(reason);
    return { type: "destroyed", id, reason: why, replaced: typeof replaced === "string" };
  }
  const { idleAt, absoluteAt, ...meta } = parseMetadata(metadata);
  if (Math.min(idleAt, absoluteAt) <= now) return { type: "expired", id };
  const kept = parseOutboxRecord(outbox);
  const session: InspectedSession = {
    id,
    subject: optionalText(subject),
    version: meta.version,
    fence: meta.fence,
    schemaVersion: meta.schemaVersion,
    bytes: meta.bytes,
    idleInMs: idleAt - now,
    absoluteInMs: absoluteAt - now,
    own: meta.own,
    holders: parseHolders(holders).map(({ node, connections }) => ({
      process: node,
      node: shownNode(node),
      connections,
    })),
    outbox: kept && { messages: kept.messages, bytes: kept.bytes, offset: kept.offset },
  };
  return { type: "session", session };
}
