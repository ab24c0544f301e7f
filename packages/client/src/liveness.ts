import { after } from "./environment.ts";

const ANSWER_MS = 5_000;
/** A timer that is later than this says that the page was frozen, or the machine asleep. */
const LATE_MS = 1_000;
/** How often in a row a late timer is excused: one of a background tab may be late each time. */
const MAX_EXCUSES = 3;

/**
 * Finds out that a connection is dead. After a silence it asks, and a silence that lasts is the end. After a standstill of
 * this process timers run before what the socket has received, so a late timer asks again and concludes nothing.
 */
export class Liveness {
  silenceMs: number;
  readonly #ask: () => void;
  readonly #dead: () => void;
  #heardAt = Date.now();
  #excuses = 0;
  #stop: () => void = () => {};

  /** `ask` makes a server that is alive say something. */
  constructor(silenceMs: number, ask: () => void, dead: () => void) {
    this.silenceMs = silenceMs;
    this.#ask = ask;
    this.#dead = dead;
    this.#wait();
  }

  heard(): void {
    this.#heardAt = Date.now();
    this.#excuses = 0;
  }

  /** Something happened that may have cut the connection: asks now, unless the server was heard just now. */
  doubt(): void {
    if (Date.now() - this.#heardAt >= LATE_MS) this.#askNow();
  }

  stop(): void {
    this.#stop();
  }

  #askNow(): void {
    this.stop();
    this.#ask();
    const asked = Date.now();
    this.#stop = after(ANSWER_MS, () => {
      if (this.#heardAt >= asked) return this.#wait();
      if (Date.now() - asked < ANSWER_MS + LATE_MS || this.#excuses === MAX_EXCUSES) return this.#dead();
      this.#excuses += 1;
      this.#askNow();
    });
  }

  #wait(): void {
    const rest = this.#heardAt + this.silenceMs - Date.now();
    this.#stop = after(Math.max(rest, 0), () => {
      if (Date.now() - this.#heardAt < this.silenceMs) this.#wait();
      else this.#askNow();
    });
  }
}
