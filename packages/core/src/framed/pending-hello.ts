import { EARLY_BYTES, EARLY_MESSAGES } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import type { ClientRecords } from "../store/stored-session.ts";

/** The state of a connection between its first frame and hello. The connection drops the object after hello, to save memory. */
export class PendingHello {
  /** The latest attach. */
  attach: Attach | undefined = undefined;
  /** The session's client records at the handshake. */
  clients: ClientRecords | undefined = undefined;
  /** Settles when the handler `open` of a resumed client has settled. Never rejects. */
  opened: Promise<unknown> | undefined = undefined;
  #messages = 0;
  #bytes = 0;

  /** Counts a message that arrived before hello. Returns whether there are too many messages or bytes. */
  exceeds(frame: string | Uint8Array): boolean {
    this.#messages += 1;
    this.#bytes += typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
    return this.#messages > EARLY_MESSAGES || this.#bytes > EARLY_BYTES + EARLY_MESSAGES;
  }
}
