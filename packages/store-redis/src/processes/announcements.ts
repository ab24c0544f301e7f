import type { AppendedEvent, Change, OutboxEntry, StoreEvent } from "@wsession/core";
import { decodeEntry } from "../base/outbox-entries.ts";

/** A destruction that its author wants to be told of. */
export interface ConfirmationRequest {
  readonly node: string;
  readonly token: string;
}

/** How many connections of a session a process ended. */
export interface Confirmation {
  readonly token: string;
  readonly node: string;
  readonly id: string;
  readonly closed: number;
}

export type Announcement =
  | { readonly type: "event"; readonly event: StoreEvent; readonly confirm: ConfirmationRequest | undefined }
  | { readonly type: "confirmations"; readonly confirmations: readonly Confirmation[] }
  | {
      readonly type: "subject";
      /** Of the process that destroyed the subject's sessions. */
      readonly node: string;
      readonly subject: string;
      readonly epoch: number;
      readonly reason: string | undefined;
    };

/** The message by which destroy.lua tells the holders; the other two that holders get are written by the scripts. */
export function destroyedMessage(
  id: string,
  reason: string | undefined,
  confirm: ConfirmationRequest | undefined,
): string {
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

/** What all processes are told after a subject's sessions were destroyed: the index may have lost some that they hold. */
export function subjectMessage(
  node: string,
  subject: string,
  epoch: number,
  reason: string | undefined,
): string {
  return JSON.stringify(["s", node, subject, epoch, reason ?? null]);
}

/** `undefined` for what is not one of ours. */
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
    case "r":
      return typeof rest[0] === "number" ? event({ type: "replaced", id, fence: rest[0] }) : undefined;
    case "d":
      return event({ type: "destroyed", id, reason: optionalText(rest[0]) }, parseRequest(rest[1], rest[2]));
    case "s":
      return parseSubject(id, rest);
    case "a":
      return { type: "confirmations", confirmations: parseConfirmations(id, rest[0], rest[1]) };
    default:
      return undefined;
  }
}

function event(of: StoreEvent, confirm?: ConfirmationRequest): Announcement {
  return { type: "event", event: of, confirm };
}

function optionalText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parseRequest(node: unknown, token: unknown): ConfirmationRequest | undefined {
  return typeof node === "string" && typeof token === "string" ? { node, token } : undefined;
}

function parseSubject(node: string, [subject, epoch, reason]: readonly unknown[]): Announcement | undefined {
  if (typeof subject !== "string" || typeof epoch !== "number") return undefined;
  return { type: "subject", node, subject, epoch, reason: optionalText(reason) };
}

function parseWritten(
  id: string,
  [version, lineage, after, ...change]: readonly unknown[],
): Announcement | undefined {
  if (typeof version !== "number" || typeof lineage !== "number") return undefined;
  if (typeof after !== "number") return event({ type: "written", id, version, lineage, change: undefined });
  return event({ type: "written", id, version, lineage, after, change: parseChange(change) });
}

/** What announce_messages in prelude-outbox.lua writes; without what can't be read, since that can be read from the store. */
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

/** `undefined` where the change did not travel along: it is read then. */
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
