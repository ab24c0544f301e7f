import type { Hello, Position } from "@wsession/protocol";
import type { Listeners } from "./listeners.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Conversation } from "./conversation-contract.ts";

/** The page's session and position, as its attach states them. */
export interface AttachState {
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
  /** The part of the state that the next attach sends. */
  readonly state: AttachState;
  readonly outgoing: Outgoing;
  readonly listeners: Listeners;
  /** The conversation that attached last. Only this one delivers kept messages. */
  reader: Conversation | undefined;
  /** Whether a person opened the page or called `reconnect`, and no attach has stated that yet. */
  isFresh: boolean;
  /** Whether a copy of the page may have the queue, because the queue is stored. */
  readonly isStored: boolean;
  /** The longest frame that the server accepts; Infinity while unknown. */
  maxMessage: number;
  /** Stores the changes, and calls `then` after that. */
  save(then?: () => void): void;
  onHello(conversation: Conversation, hello: Hello): void;
  /** `onStored` is called once the token is in its storage. */
  renewToken(token: string, onStored?: () => void): void;
  /** Opens a new connection within `withinMs`, while the current connection stays open. */
  reconnect(withinMs: number, renewalCode?: string): void;
}
