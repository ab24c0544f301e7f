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

/** A log of events, in order. */
export class Journal<Entry = string> {
  /** All entries so far, in order. */
  readonly entries: Entry[] = [];
  #wake: (() => void)[] = [];

  /** Adds an entry, and wakes the waiting calls of `until`. */
  note(entry: Entry): void {
    this.entries.push(entry);
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Resolves once there are `count` entries, or an entry that satisfies the predicate. */
  async until(wanted: number | ((entry: Entry) => boolean)): Promise<void> {
    const reached = () =>
      typeof wanted === "number" ? this.entries.length >= wanted : this.entries.some(wanted);
    while (!reached()) {
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
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
