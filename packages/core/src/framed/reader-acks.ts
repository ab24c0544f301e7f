import type { Position } from "@wsession/protocol";
import type { LocalSession } from "../session/local-session.ts";
import { readOutbox } from "./page-reads.ts";

/** The most sent positions that are stored for the client's acks. An ack of an older position has no effect. */
const MAX_SENT = 512;

/**
 * The positions that one connection has sent to its client, and the client's acks, for a store that keeps messages until this
 * client has read them (`whenFull: "refuse"`).
 */
export class ReaderAcks<Data extends object> {
  readonly #state: LocalSession<Data>;
  /** The client's id. */
  readonly #reader: string;
  readonly #sent: Position[] = [];
  #acked: Position | undefined;
  #isReporting = false;

  constructor(state: LocalSession<Data>, reader: string) {
    this.#state = state;
    this.#reader = reader;
  }

  sent(position: Position): void {
    this.#sent.push(position);
    if (this.#sent.length > MAX_SENT) this.#sent.shift();
  }

  /** Whether a position with this offset was sent, and not yet acked. If so, the caller reports the ack to the store. */
  take(offset: number): boolean {
    // Take the newest entry with this offset. After the store lost messages an offset can be sent twice.
    const index = this.#sent.findLastIndex((one) => one.offset === offset);
    const position = this.#sent[index];
    if (position === undefined) return false;
    this.#sent.splice(0, index + 1);
    this.#acked = position;
    return true;
  }

  /** Reports the latest ack to the store. One report is in progress at a time, and acks that arrive meanwhile follow it. */
  async report(isEnding: () => boolean, failed: (error: unknown) => void): Promise<void> {
    if (this.#isReporting) return;
    this.#isReporting = true;
    while (this.#acked !== undefined && !isEnding()) {
      const from = this.#acked;
      this.#acked = undefined;
      try {
        await readOutbox(this.#state, { from, witness: undefined, maxBytes: 0, reader: this.#reader });
      } catch (error) {
        failed(error);
      }
    }
    this.#isReporting = false;
  }
}
