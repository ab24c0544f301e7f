/** Time limits. All of them share one timer of Node. */
import { clearImmediate, setImmediate } from "node:timers";

/** A deadline that was set. `cancel` is idempotent. */
export interface Deadline {
  cancel(): void;
}

class Entry implements Deadline {
  readonly at: number;
  run: (() => void) | undefined;
  readonly #cancelled: () => void;

  constructor(at: number, run: () => void, cancelled: () => void) {
    this.at = at;
    this.run = run;
    this.#cancelled = cancelled;
  }

  cancel(): void {
    if (this.run === undefined) return;
    this.run = undefined;
    this.#cancelled();
  }
}

/** A deadline by which a peer or the application must have acted: see `Deadlines.allow`. */
class Allowance implements Deadline {
  readonly #deadlines: Deadlines;
  readonly #run: () => void;
  #waiting: Deadline;
  #immediate: NodeJS.Immediate | undefined;

  constructor(deadlines: Deadlines, ms: number, run: () => void) {
    this.#deadlines = deadlines;
    this.#run = run;
    const due = performance.now() + ms;
    this.#waiting = deadlines.after(ms, () => {
      const late = performance.now() - due;
      if (late < STALL_MS) this.#runAfterReading();
      else this.#waiting = this.#deadlines.after(Math.min(late, ms), () => this.#runAfterReading());
    });
  }

  /** Node runs timers before it reads sockets. Wait one turn, because otherwise data that has arrived would count as too late. */
  #runAfterReading(): void {
    this.#immediate = setImmediate(this.#run);
  }

  cancel(): void {
    this.#waiting.cancel();
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
  }
}

/** Milliseconds. If a timer fires later than this, the process stalled and read no socket meanwhile. */
const STALL_MS = 100;

/** The heap is swept of cancelled entries only from this number on, because a sweep costs more than a few entries. */
const MIN_CANCELLED_FOR_SWEEP = 64;

/** The longest delay of `setTimeout`, which fires at once for a longer one. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/**
 * Any number of deadlines on one timer of Node, in a binary heap with the earliest first. The timer does not keep the process
 * alive.
 */
export class Deadlines {
  readonly #heap: Entry[] = [];
  /** How many entries of the heap are cancelled. */
  #cancelled = 0;
  #timer: NodeJS.Timeout | undefined;
  #armedFor = Infinity;

  /** Runs `run` once, `ms` milliseconds from now. `run` must not throw. */
  after(ms: number, run: () => void): Deadline {
    const entry = new Entry(performance.now() + ms, run, this.#tidy);
    this.#push(entry);
    if (entry.at < this.#armedFor) this.#arm(entry.at);
    return entry;
  }

  /**
   * As `after`, for a time limit of a peer or of the application. When the time is over, the process first reads the data that has
   * arrived. If the process stalled past the limit, the limit is extended by the time of the stall (at most `ms`). Otherwise an
   * answer that waits unread in a socket would count as too late.
   */
  allow(ms: number, run: () => void): Deadline {
    return new Allowance(this, ms, run);
  }

  /** The same promise, which rejects with the error that `late` returns once `ms` milliseconds are over. `Infinity`: no time limit. */
  within<Result>(ms: number, promise: Promise<Result>, late: () => Error): Promise<Result> {
    if (ms === Infinity) return promise;
    return new Promise((resolve, reject) => {
      const deadline = this.allow(ms, () => reject(late()));
      promise.then(resolve, reject).finally(() => deadline.cancel());
    });
  }

  /** How many deadlines are kept; cancelled ones count until they are removed. */
  get size(): number {
    return this.#heap.length;
  }

  /** Cancels all deadlines. */
  clear(): void {
    this.#heap.length = 0;
    this.#cancelled = 0;
    clearTimeout(this.#timer);
    this.#armedFor = Infinity;
  }

  /**
   * Removes cancelled entries at the head of the heap, and all of them once they are more than half of it. An empty heap has
   * no timer.
   */
  readonly #tidy = (): void => {
    this.#cancelled += 1;
    for (let first = this.#heap[0]; first !== undefined && first.run === undefined; first = this.#heap[0]) {
      this.#pop();
      this.#cancelled -= 1;
    }
    if (this.#heap.length === 0) this.clear();
    else if (this.#cancelled >= MIN_CANCELLED_FOR_SWEEP && this.#cancelled > this.#heap.length / 2)
      this.#sweep();
  };

  #sweep(): void {
    const kept = this.#heap.filter((entry) => entry.run !== undefined);
    this.#heap.length = 0;
    this.#cancelled = 0;
    for (const entry of kept) this.#push(entry);
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#armedFor = at;
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - performance.now())));
    this.#timer = setTimeout(() => this.#fire(), wait);
    this.#timer.unref();
  }

  #fire(): void {
    this.#armedFor = Infinity;
    const now = performance.now();
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.run !== undefined && first.at > now) {
        this.#arm(first.at);
        return;
      }
      this.#pop();
      const { run } = first;
      // Marks the entry as done, so that a late `cancel` does not count it as cancelled.
      first.run = undefined;
      if (run === undefined) this.#cancelled -= 1;
      else run();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let smaller = left;
      if (right !== undefined && right.at < left.at) {
        smaller = right;
        child += 1;
      }
      if (last.at <= smaller.at) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
