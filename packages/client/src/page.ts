import type { Hello, Position } from "@wsession/protocol";
import type { Listeners } from "./listeners.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Conversation } from "./speaker.ts";

/** Where a page stands, as it says in an attach. */
export interface Standing {
  /** `undefined`: there is none yet, or it ends with its connection. */
  session: string | undefined;
  /** The session's forget mark. */
  mark: number;
  /** The last kept message that was heard. */
  at: Position | undefined;
  witness: Position | undefined;
}

/** What a page knows, whatever connection it has. */
export interface Page {
  readonly standing: Standing;
  readonly outgoing: Outgoing;
  readonly listeners: Listeners;
  /** Who attached last: the kept messages are that one's to deliver. */
  reader: Conversation | undefined;
  /** A person opened the page, or asked to reconnect, and no server knows of it yet. */
  isFresh: boolean;
  /** Whether a copy of the page may have what is queued. */
  readonly isStored: boolean;
  /** The longest frame that the server takes, as far as it is known. */
  maxMessage: number;
  /** Stores what changed, and runs `then` after that. */
  save(then?: () => void): void;
  greeted(conversation: Conversation, hello: Hello): void;
  /** `kept` is called once the token is in its storage. */
  renewToken(token: string, kept: () => void): void;
  /** Connects anew within so many milliseconds, while this connection lives on. */
  handOver(withinMs: number, renewalCode?: string): void;
}
