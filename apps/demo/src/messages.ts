/** The messages between the page and the servers: one JSON object for each message. */
import { COLOURS } from "./session.ts";
import type { Colour, Visitor } from "./session.ts";

/** A message of the page. */
export type Command =
  | { readonly type: "rename"; readonly name: string }
  | { readonly type: "recolour"; readonly colour: Colour }
  | { readonly type: "count"; readonly by: number }
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "forget"; readonly id: string }
  /** Requests the current session. */
  | { readonly type: "look" }
  | { readonly type: "rotate" }
  | { readonly type: "login"; readonly user: string }
  /** Logs the user out in every browser. */
  | { readonly type: "logout" }
  /** Makes the session expire in a few seconds. */
  | { readonly type: "expire" }
  /** Cuts the connection, and sends messages meanwhile. */
  | { readonly type: "away" }
  | { readonly type: "drop" }
  | { readonly type: "destroy" }
  | { readonly type: "kill" };

export interface SessionView {
  readonly id: string;
  readonly version: number;
  /** The user; absent before the login. */
  readonly subject: string | undefined;
  readonly data: Readonly<Visitor>;
}

/** A message to the page. */
export type Report =
  | {
      readonly type: "welcome";
      readonly resumed: boolean;
      readonly connection: string;
      readonly process: number;
      readonly pid: number;
      readonly session: SessionView;
    }
  /** This connection has written the session, with that method of Session. */
  | { readonly type: "written"; readonly method: "patch" | "update"; readonly session: SessionView }
  /** Another connection or process has written the session. */
  | { readonly type: "changed"; readonly session: SessionView }
  /** The current session. */
  | { readonly type: "seen"; readonly session: SessionView }
  /** The kept answer to a press. */
  | { readonly type: "pressed"; readonly run: string; readonly number: number; readonly count: number }
  | {
      readonly type: "presence";
      readonly connections: number;
      readonly processes: number;
      readonly missing: number;
    }
  | { readonly type: "expires"; readonly inMs: number }
  /** A kept message, sent while the session had no connection. */
  | { readonly type: "letter"; readonly number: number; readonly of: number }
  | { readonly type: "refused"; readonly reason: string }
  | {
      readonly type: "failed";
      readonly code: string;
      readonly outcome: string | undefined;
      readonly reason: string;
    };

/** The answer of the plain WebSocket to a press. */
export interface PlainAnswer {
  readonly run: string;
  readonly number: number;
  readonly count: number;
}

/** A server that the page may connect to. */
export interface Endpoint {
  readonly runtime: "ws" | "uws";
  /** The runtime's name, as the page shows it. */
  readonly name: string;
  readonly port: number;
  readonly process: number;
  readonly pid: number;
}

/** The contents of `/demo.json`, which the page requests before it connects. */
export interface DemoDescription {
  readonly store: "map" | "redis";
  readonly path: string;
  readonly plainPath: string;
  readonly endpoints: readonly Endpoint[];
  readonly idleMs: number;
  readonly absoluteMs: number;
}

const MOST_CHARACTERS = 60;

/** Parses a message from an untrusted client. Returns the reason if the message is invalid. */
export function readCommand(message: string | Uint8Array): Command | string {
  if (typeof message !== "string") return "this server accepts text messages only";
  const fields = parseObject(message);
  if (fields === undefined) return "this server accepts JSON objects only";
  const { type } = fields;
  switch (type) {
    case "rename": {
      const name = readText(fields["name"]);
      return name === undefined ? `a name has 1 to ${MOST_CHARACTERS} characters` : { type, name };
    }
    case "recolour": {
      const colour = COLOURS.find((known) => known === fields["colour"]);
      return colour === undefined ? "that colour is not on the palette" : { type, colour };
    }
    case "count": {
      const by = fields["by"];
      return by === 1 || by === -1 ? { type, by } : "the counter changes by one";
    }
    case "note": {
      const text = readText(fields["text"]);
      return text === undefined ? `a note has 1 to ${MOST_CHARACTERS} characters` : { type, text };
    }
    case "forget": {
      const id = readText(fields["id"]);
      return id === undefined ? "which note?" : { type, id };
    }
    case "login": {
      const user = readText(fields["user"]);
      return user === undefined ? `a user's name has 1 to ${MOST_CHARACTERS} characters` : { type, user };
    }
    case "look":
    case "rotate":
    case "logout":
    case "expire":
    case "away":
    case "drop":
    case "destroy":
    case "kill":
      return { type };
    default:
      return "this server has no such command";
  }
}

export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function readText(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  return text.length >= 1 && text.length <= MOST_CHARACTERS ? text : undefined;
}
