import type { CreateRequest, ResumedBy, ResumeRequest, StoredSession, WriteResult } from "./contract.ts";

/** What few sessions have, kept apart so that the others stay small. */
interface Extra {
  subject: string | undefined;
  fence: number;
  schemaVersion: number;
  previous: { readonly digest: string; readonly until: number } | undefined;
  renewal: { readonly digest: string; readonly until: number } | undefined;
}

/** A session, as mapStore keeps it. */
export interface Entry {
  version: number;
  data: object;
  digest: string | undefined;
  /** By the process's monotonic clock (`monotonicNow`): small integers cost nothing beside the field. */
  idleAt: number;
  absoluteAt: number;
  /** Connections that hold it: counted here, since the host hears of one only after the answer. */
  holders: number;
  extra: Extra | undefined;
}

/**
 * Milliseconds by a clock that is never set: the wall clock may be stepped, by NTP or by hand, and every deadline would pass
 * at once or stay an hour too long.
 */
export function monotonicNow(): number {
  const ms = Math.floor(performance.now());
  // The clock's numbers are floating point, and a field keeps that: an integer has to be made of them.
  const integer = ms | 0;
  return integer === ms ? integer : ms;
}

export function newEntry(request: CreateRequest): Entry {
  const now = monotonicNow();
  const fence = request.exclusive ? 1 : 0;
  const { subject, schemaVersion } = request;
  return {
    version: 1,
    data: request.data,
    digest: request.digest,
    idleAt: now + request.idleMs,
    absoluteAt: now + request.absoluteMs,
    holders: request.hold ? 1 : 0,
    extra:
      subject === undefined && fence === 0 && schemaVersion === 0
        ? undefined
        : { ...noExtra(), subject, fence, schemaVersion },
  };
}

export function isExpired(entry: Entry, now: number): boolean {
  return entry.idleAt <= now || entry.absoluteAt <= now;
}

export function isFenced(entry: Entry, fence: number | undefined): boolean {
  return fence !== undefined && fence < (entry.extra?.fence ?? 0);
}

function noExtra(): Extra {
  return { subject: undefined, fence: 0, schemaVersion: 0, previous: undefined, renewal: undefined };
}

export function extraOf(entry: Entry): Extra {
  return (entry.extra ??= noExtra());
}

export function snapshot(entry: Entry): StoredSession {
  const now = monotonicNow();
  return {
    version: entry.version,
    data: entry.data,
    subject: entry.extra?.subject,
    fence: entry.extra?.fence ?? 0,
    schemaVersion: entry.extra?.schemaVersion ?? 0,
    idleInMs: entry.idleAt - now,
    absoluteInMs: entry.absoluteAt - now,
  };
}

export function written(entry: Entry, known: number): Extract<WriteResult, { type: "written" }> {
  const { version } = entry;
  return { type: "written", version, session: version === known + 1 ? undefined : snapshot(entry) };
}

/** One that the application vouches for may be nobody's yet. */
export function isForeign(owner: string | undefined, { subject }: ResumeRequest, by: ResumedBy): boolean {
  if (subject === undefined || owner === subject) return false;
  return !(by === "none" && owner === undefined);
}

/** Digests are compared, never verifiers: what timing could tell is a prefix of a hash, which opens nothing. */
export function match(entry: Entry, { digest, nextDigest }: ResumeRequest): ResumedBy | "wrong" | "stolen" {
  if (digest === undefined) return "none";
  if (digest === entry.digest) return "current";
  const now = monotonicNow();
  const { previous, renewal } = entry.extra ?? noExtra();
  if (renewal?.digest === digest && now < renewal.until && nextDigest !== undefined) return "renewal";
  if (previous?.digest === digest) return now < previous.until ? "previous" : "stolen";
  return "wrong";
}
