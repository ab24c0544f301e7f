import { EARLY_BYTES, EARLY_MESSAGES } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";

/** What is kept of a client until it is told where it stands in its session, and no longer. */
export class Arrival {
  /** The latest one. */
  attach: Attach | undefined = undefined;
  /** Settles with the handler `open` of a client that came back. Never rejects. */
  opened: Promise<unknown> | undefined = undefined;
  #messages = 0;
  #bytes = 0;

  /** Counts a message that came before hello. Whether there are too many. */
  exceeds(frame: string | Uint8Array): boolean {
    this.#messages += 1;
    this.#bytes += typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
    return this.#messages > EARLY_MESSAGES || this.#bytes > EARLY_BYTES + EARLY_MESSAGES;
  }
}
