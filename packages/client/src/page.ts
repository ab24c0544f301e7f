import type { Hello, Position } from "@wsession/protocol";
import type { Listeners } from "./listeners.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Conversation } from "./speaker.ts";

/** The page's session and position, as its attach states them. */
export interface Standing {
  /** `undefined` if there is no session yet, or if the session ends with its connection. */
  session: string | undefined;
  /** The session's forget mark. */
  mark: number;
  /** The position of the last delivered kept message. */
  at: Position | undefined;
  witness: Position | undefined;
}

/** The state of a page that outlives a connection. */
export interface Page {
  readonly standing: Standing;
  readonly outgoing: Outgoing;
  readonly listeners: Listeners;
  /** The conversation that attached last. Only this one delivers kept messages. */
  reader: Conversation | undefined;
  /** Whether a person opened the page or called `reconnect`, and no server was told yet. */
  isFresh: boolean;
  /** Whether a copy of the page may have the queue, because the queue is stored. */
  readonly isStored: boolean;
  /** The longest frame that the server accepts; Infinity while unknown. */
  maxMessage: number;
  /** Stores the changes, and calls `then` after that. */
  save(then?: () => void): void;
  greeted(conversation: Conversation, hello: Hello): void;
  /** `kept` is called once the token is in its storage. */
  renewToken(token: string, kept: () => void): void;
  /** Opens a new connection within `withinMs`, while the current connection stays open. */
  handOver(withinMs: number, renewalCode?: string): void;
}
