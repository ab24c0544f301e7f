import { writeClientControl } from "@wsession/protocol";
import { after } from "./environment.ts";
import type { Link } from "./link.ts";

const MESSAGES = 32;
const BYTES = 65_536;
const MS = 1_000;

/** Tells a server that asked for it what was read, now and then. */
export class ReadReports {
  readonly #link: Link;
  #offset = 0;
  #messages = 0;
  #bytes = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  add(offset: number, bytes: number): void {
    this.#offset = offset;
    this.#messages += 1;
    this.#bytes += bytes;
    if (this.#messages === MESSAGES || this.#bytes >= BYTES) this.#report();
    else if (this.#messages === 1) after(MS, () => this.#report());
  }

  #report(): void {
    if (this.#messages > 0) this.#link.send(writeClientControl({ type: "read", offset: this.#offset }));
    this.#messages = 0;
    this.#bytes = 0;
  }
}
