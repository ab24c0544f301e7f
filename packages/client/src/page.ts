import type { Attach, Hello } from "@wsession/protocol";
import type { Listeners } from "./listeners.ts";
import type { Outgoing } from "./outgoing.ts";

/** Where a page stands, as it would say in an attach. */
export type Standing = Pick<Attach, "session" | "mark" | "at" | "witness">;

/** A connection that speaks v1.wsession, as the page knows it. */
export interface Speaker {
  /** A kept message came, and nobody listened: the position stays before it. */
  readonly isBehind: boolean;
  /** Sends what may be sent of the queue. */
  pump(): void;
}

/** What a page knows, whatever connection it has. */
export interface Page {
  standing: Standing;
  readonly outgoing: Outgoing;
  readonly listeners: Listeners;
  /** Who attached last: the kept messages are that one's to deliver. */
  reader: Speaker | undefined;
  /** A person opened the page, or asked to reconnect, and no server knows of it yet. */
  readonly isFresh: boolean;
  /** Whether a copy of the page may have what is queued. */
  readonly isStored: boolean;
  /** The longest frame that the server takes, as far as it is known. */
  readonly maxMessage: number;
  save(): void;
  greeted(speaker: Speaker, hello: Hello): void;
  /** `kept` is called once the token is in its storage. */
  renewToken(token: string, kept: () => void): void;
  /** Connects anew within so many milliseconds, while this connection lives on. */
  handOver(withinMs: number, renewalCode?: string): void;
}
