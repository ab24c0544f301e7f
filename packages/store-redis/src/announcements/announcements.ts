/** The messages between processes: their types, and their text. */
import type {
  AppendedEvent,
  Change,
  OutboxEntry,
  OwnLifetimes,
  PresenceType,
  StoreEvent,
} from "@wsession/core";
import { optionalText } from "../base/optional-text.ts";
import { decodeEntry } from "../base/outbox-entries.ts";
import { isPresenceType } from "../base/presence-record.ts";

/** Elements of a message for one change of a session of a watched subject. */
const STATE_PARTS = 4;

/** Asks the holders of a destroyed session to confirm how many connections they closed. */
export interface ConfirmationRequest {
  readonly node: string;
  readonly token: string;
}

/** How many connections of one session a process closed. */
export interface Confirmation {
  readonly token: string;
  readonly node: string;
  readonly id: string;
  readonly closed: number;
}

/** The state of a session of a watched subject. `hash`: the hash of the subject. */
export interface PublishedState {
  readonly id: string;
  readonly hash: string;
  readonly state: PresenceType;
  readonly stamp: number;
}

export type Announcement =
  | { readonly type: "event"; readonly event: StoreEvent; readonly confirm: ConfirmationRequest | undefined }
  /** The deadlines of a session, by the clock of its server. */
  | {
      readonly type: "deadlines";
      readonly id: string;
      readonly idleAt: number;
      readonly absoluteAt: number;
      readonly own: OwnLifetimes | undefined;
    }
  | { readonly type: "confirmations"; readonly confirmations: readonly Confirmation[] }
  /** Sessions of watched subjects have changed, in this order. */
  | { readonly type: "states"; readonly states: readonly PublishedState[] }
  /** A process watches subjects, so changes must be published. */
  | { readonly type: "watching" }
  | {
      readonly type: "subject";
      /** The process that destroyed the subject's sessions. */
      readonly node: string;
      readonly subject: string;
      readonly epoch: number;
      readonly reason: string | undefined;
    };

/**
 * The announcement that destroy.lua publishes to the holders. The scripts themselves build the announcements
 * of writes and takeovers.
 */
export function destroyedMessage(
  id: string,
  reason: string | undefined,
  confirm: ConfirmationRequest | undefined,
  isReplaced: boolean,
): string {
  // An older release ignores the sixth element, and closes with 4410 in place of 4409.
  if (isReplaced) return JSON.stringify(["d", id, reason ?? null, null, null, 1]);
  return JSON.stringify([
    "d",
    id,
    reason ?? null,
    ...(confirm === undefined ? [] : [confirm.node, confirm.token]),
  ]);
}

export function confirmationMessage(
  token: string,
  node: string,
  closed: readonly (readonly [id: string, closed: number])[],
): string {
  return JSON.stringify(["a", token, node, closed]);
}

/**
 * The announcement to all processes that a subject's sessions were destroyed. It is needed because the index
 * may have lost sessions that other processes hold.
 */
export function subjectMessage(
  node: string,
  subject: string,
  epoch: number,
  reason: string | undefined,
): string {
  return JSON.stringify(["s", node, subject, epoch, reason ?? null]);
}

/** One change as publish-changes.lua puts it into the message to the processes that watch the subject. */
export function stateText(id: string, hash: string, state: PresenceType, stamp: number): string {
  return `${JSON.stringify(id)},"${hash}","${state}",${stamp}`;
}

/** The message to all processes that a process watches subjects. */
export function watchingMessage(node: string): string {
  return JSON.stringify(["l", node]);
}

/** Parses a message of a channel; `undefined` if this release does not support the message. */
export function parseAnnouncement(text: string): Announcement | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(message)) return undefined;
  const [code, id, ...rest]: readonly unknown[] = message;
  if (typeof id !== "string") return undefined;
  switch (code) {
    case "w":
      return parseWritten(id, rest);
    case "o": {
      const appended = parseAppended(id, rest);
      return appended && event(appended);
    }
    case "t":
      return parseDeadlines(id, rest);
    case "r":
      return typeof rest[0] === "number" ? event({ type: "replaced", id, fence: rest[0] }) : undefined;
    case "d":
      return event(
        { type: "destroyed", id, reason: optionalText(rest[0]), ...(rest[3] === 1 && { replaced: true }) },
        parseRequest(rest[1], rest[2]),
      );
    case "s":
      return parseSubject(id, rest);
    case "v":
      return { type: "states", states: parseStates([id, ...rest]) };
    case "l":
      return { type: "watching" };
    case "a":
      return { type: "confirmations", confirmations: parseConfirmations(id, rest[0], rest[1]) };
    default:
      return undefined;
  }
}

function event(of: StoreEvent, confirm?: ConfirmationRequest): Announcement {
  return { type: "event", event: of, confirm };
}

function parseRequest(node: unknown, token: unknown): ConfirmationRequest | undefined {
  return typeof node === "string" && typeof token === "string" ? { node, token } : undefined;
}

/** Omits unreadable states: the sweep finds their changes. */
function parseStates(parts: readonly unknown[]): PublishedState[] {
  const states: PublishedState[] = [];
  for (let index = 0; index + STATE_PARTS <= parts.length; index += STATE_PARTS) {
    const id = parts[index];
    const hash = parts[index + 1];
    const state = parts[index + 2];
    const stamp = parts[index + 3];
    if (typeof id !== "string" || typeof hash !== "string" || typeof stamp !== "number") continue;
    if (isPresenceType(state)) states.push({ id, hash, state, stamp });
  }
  return states;
}

function parseSubject(node: string, [subject, epoch, reason]: readonly unknown[]): Announcement | undefined {
  if (typeof subject !== "string" || typeof epoch !== "number") return undefined;
  return { type: "subject", node, subject, epoch, reason: optionalText(reason) };
}

/** Parses a message of `announce_deadlines` in prelude.lua: 0 is no deadline, and -1 no lifetime of the session's own. */
function parseDeadlines(id: string, times: readonly unknown[]): Announcement | undefined {
  const [idleAt, absoluteAt, idleMs, absoluteMs] = times.map(Number);
  if (idleAt === undefined || absoluteAt === undefined || times.some((time) => typeof time !== "number"))
    return undefined;
  const lifetime = (ms = -1): number | undefined => (ms < 0 ? undefined : ms || Number.POSITIVE_INFINITY);
  const own = { idleMs: lifetime(idleMs), absoluteMs: lifetime(absoluteMs) };
  return {
    type: "deadlines",
    id,
    idleAt: idleAt || Number.POSITIVE_INFINITY,
    absoluteAt: absoluteAt || Number.POSITIVE_INFINITY,
    own: own.idleMs === undefined && own.absoluteMs === undefined ? undefined : own,
  };
}

function parseWritten(
  id: string,
  [version, lineage, after, ...change]: readonly unknown[],
): Announcement | undefined {
  if (typeof version !== "number" || typeof lineage !== "number") return undefined;
  if (typeof after !== "number") return event({ type: "written", id, version, lineage, change: undefined });
  return event({ type: "written", id, version, lineage, after, change: parseChange(change) });
}

/**
 * Parses a message of `announce_messages` in prelude-outbox.lua. Omits unreadable entries: the receiver reads them from the
 * store.
 */
function parseAppended(
  id: string,
  [offset, chain, before, ...messages]: readonly unknown[],
): AppendedEvent | undefined {
  if (typeof offset !== "number" || typeof chain !== "number") return undefined;
  const end = { offset, chain };
  const unread: AppendedEvent = { type: "appended", id, end };
  if (typeof before !== "number") return unread;
  const entries: OutboxEntry[] = [];
  for (let index = 0; index + 2 < messages.length; index += 3) {
    const flag = messages[index];
    const payload = messages[index + 1];
    const after = messages[index + 2];
    if ((flag !== "t" && flag !== "b") || typeof payload !== "string" || typeof after !== "number")
      return unread;
    entries.push(decodeEntry(flag, payload, after));
  }
  return { ...unread, run: { before: { offset: offset - entries.length, chain: before }, entries } };
}

/** `undefined` if the announcement does not contain the change, which the receiver then has to read. */
function parseChange([mode, set, unset]: readonly unknown[]): Change | undefined {
  if (typeof set !== "object" || set === null || !Array.isArray(unset)) return undefined;
  return mode === "r"
    ? { type: "replace", data: set, base: undefined }
    : { type: "fields", set: { ...set }, unset: unset.filter((name) => typeof name === "string") };
}

function parseConfirmations(token: string, node: unknown, closed: unknown): Confirmation[] {
  if (typeof node !== "string" || !Array.isArray(closed)) return [];
  return closed.flatMap((pair: unknown) => {
    const [id, count]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    return typeof id === "string" && typeof count === "number" ? [{ token, node, id, closed: count }] : [];
  });
}
