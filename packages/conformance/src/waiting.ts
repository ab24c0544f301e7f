import { inspect } from "node:util";

/** A promise with its resolve and reject functions. */
export interface Deferred<Value> {
  /** Settles by the first call of one of the two functions. */
  readonly promise: Promise<Value>;
  /** Resolves the promise, unless it is settled. */
  readonly resolve: (value: Value) => void;
  /** Rejects the promise, unless it is settled. */
  readonly reject: (error: unknown) => void;
}

/** Creates a promise that other code settles. */
export function deferred<Value = void>(): Deferred<Value> {
  let ends: Omit<Deferred<Value>, "promise"> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    ends = { resolve, reject };
  });
  if (ends === undefined) throw new Error("unreachable: the executor runs at once");
  return { promise, ...ends };
}

/**
 * Resolves after everything that is due now. Microtasks are too early to check bytes: a detached buffer still
 * looks intact in them.
 */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Polls until `condition` holds, for states without an event. The time limit of the case bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Milliseconds. Below the time limit of most tests, so that the error of the wait names the event that is missing. */
const JOURNAL_WAIT_MS = 30_000;

// Taken before a test installs a fake clock: a test that advances its clock would end the wait.
const { setTimeout: startTimer, clearTimeout: stopTimer, setImmediate: nextTurn } = globalThis;

/** A log of events, in order. */
export class Journal<Entry = string> {
  /** All entries so far, in order. */
  readonly entries: Entry[] = [];
  #wake: (() => void)[] = [];

  /** Adds an entry, and wakes the waiting calls of `until`. */
  note(entry: Entry): void {
    this.entries.push(entry);
    this.#wakeAll();
  }

  /**
   * Resolves once there are `wanted` entries, or an entry that satisfies the predicate. Rejects after `limitMs`, with an error that
   * has the predicate and the entries so far.
   */
  async until(
    wanted: number | ((entry: Entry) => boolean),
    limitMs: number = JOURNAL_WAIT_MS,
  ): Promise<void> {
    const reached = () =>
      typeof wanted === "number" ? this.entries.length >= wanted : this.entries.some(wanted);
    let isLate = false;
    const timer = startTimer(() => {
      // A process that was stalled may have the event in its sockets. Read them before the wait fails.
      nextTurn(() => {
        isLate = true;
        this.#wakeAll();
      });
    }, limitMs);
    timer.unref();
    try {
      while (!reached()) {
        if (isLate) throw this.#missing(wanted, limitMs);
        await new Promise<void>((resolve) => {
          this.#wake.push(resolve);
        });
      }
    } finally {
      stopTimer(timer);
    }
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #missing(wanted: number | ((entry: Entry) => boolean), limitMs: number): Error {
    const what = typeof wanted === "number" ? `${wanted} entries` : `an entry for which ${String(wanted)}`;
    return new Error(
      `not noted within ${limitMs} ms: ${what}; the last entries are ${inspect(this.entries.slice(-20))}`,
    );
  }
}

/** Rejects if `run` takes longer than `ms`, so that a case against a broken implementation ends. */
export async function within<Value>(ms: number, what: string, run: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([run, late]);
  } finally {
    clearTimeout(timer);
  }
}
