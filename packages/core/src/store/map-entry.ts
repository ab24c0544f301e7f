/** One session as `mapStore` keeps it. */
import type { CreateRequest, ResumedBy, ResumeRequest, RotateRequest, StoredSession } from "./contract.ts";

/** Fields that few sessions need. They are kept in an object of their own, so that the other entries stay small. */
class Extra {
  digest: string | undefined;
  subject: string | undefined = undefined;
  fence = 0;
  schemaVersion = 0;
  previous: { readonly digest: string; readonly until: number } | undefined = undefined;
  renewal: { readonly digest: string; readonly until: number } | undefined = undefined;

  constructor(digest: string | undefined) {
    this.digest = digest;
  }
}

/** A session as `mapStore` keeps it. */
export interface Entry {
  version: number;
  data: object;
  /** The token's digest, alone or inside the object for rare fields. */
  secret: string | Extra | undefined;
  /** By the process's monotonic clock (`monotonicNow`). V8 keeps a small integer in the field itself, without an object. */
  idleAt: number;
  absoluteAt: number;
  /** How many connections the session has. Counted here, because the host counts a connection only after the answer. */
  connections: number;
  /** Ids of the sessions that were touched just before this one and just after it. `TouchOrder` alone sets them. */
  older: string | undefined;
  newer: string | undefined;
}

/**
 * Milliseconds by the monotonic clock. The wall clock may be stepped, by NTP or by hand, and then every deadline would pass at
 * once or an hour too late.
 */
export function monotonicNow(): number {
  const ms = Math.floor(performance.now());
  // The clock returns floating-point numbers, which a field keeps as objects: convert them to a small integer.
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
    secret:
      subject === undefined && fence === 0 && schemaVersion === 0
        ? request.digest
        : Object.assign(new Extra(request.digest), { subject, fence, schemaVersion }),
    idleAt: now + request.idleMs,
    absoluteAt: now + request.absoluteMs,
    connections: request.hold ? 1 : 0,
    older: undefined,
    newer: undefined,
  };
}

export function isExpired(entry: Entry, now: number): boolean {
  return entry.idleAt <= now || entry.absoluteAt <= now;
}

export function isFenced(entry: Entry, fence: number | undefined): boolean {
  return fence !== undefined && fence < (peekExtra(entry)?.fence ?? 0);
}

/** The entry's object for rare fields. Creates the object if it is missing. */
export function extraOf(entry: Entry): Extra {
  const { secret } = entry;
  if (secret instanceof Extra) return secret;
  const extra = new Extra(secret);
  entry.secret = extra;
  return extra;
}

/** As `extraOf`, without creating the object. */
export function peekExtra({ secret }: Entry): Extra | undefined {
  return secret instanceof Extra ? secret : undefined;
}

/** A copy of the entry for an answer, without the messages and records that are kept beside the entry. */
export function snapshot(entry: Entry): StoredSession {
  const now = monotonicNow();
  const extra = peekExtra(entry);
  return {
    version: entry.version,
    data: entry.data,
    subject: extra?.subject,
    fence: extra?.fence ?? 0,
    schemaVersion: extra?.schemaVersion ?? 0,
    idleInMs: entry.idleAt - now,
    absoluteInMs: entry.absoluteAt - now,
  };
}

/** Whether a write, or a commit, expects another version than the session has. */
export function isConflict(entry: Entry, expect: number | undefined): boolean {
  return expect !== undefined && expect !== entry.version;
}

export function setData(entry: Entry, data: object, schemaVersion: number): void {
  entry.data = data;
  entry.version += 1;
  if (schemaVersion !== (peekExtra(entry)?.schemaVersion ?? 0)) extraOf(entry).schemaVersion = schemaVersion;
}

/**
 * Whether a resume names another subject than the session's. A session that the application named by `sessionId` may have no
 * subject yet.
 */
export function isForeign(owner: string | undefined, { subject }: ResumeRequest, by: ResumedBy): boolean {
  if (subject === undefined || owner === subject) return false;
  return !(by === "none" && owner === undefined);
}

/** Whether a rotation would take the session from another subject, and `onlyUnowned` forbids that. */
export function isOwnedByAnother(
  owner: string | undefined,
  { subject, onlyUnowned }: Pick<RotateRequest, "subject" | "onlyUnowned">,
): boolean {
  return onlyUnowned === true && owner !== undefined && owner !== subject;
}

export function currentDigest({ secret }: Entry): string | undefined {
  return secret instanceof Extra ? secret.digest : secret;
}

/**
 * Which secret of the session the presented digest is. Digests are compared, and never verifiers: a timing attack could reveal only
 * the beginning of a hash, which opens no session.
 */
export function matchSecret(
  entry: Entry,
  { digest, nextDigest }: ResumeRequest,
): ResumedBy | "wrong" | "stolen" {
  if (digest === undefined) return "none";
  const { secret } = entry;
  if (!(secret instanceof Extra)) return digest === secret ? "current" : "wrong";
  if (digest === secret.digest) return "current";
  const now = monotonicNow();
  const { previous, renewal } = secret;
  if (renewal?.digest === digest && now < renewal.until && nextDigest !== undefined) return "renewal";
  if (previous?.digest === digest) return now < previous.until ? "previous" : "stolen";
  return "wrong";
}
