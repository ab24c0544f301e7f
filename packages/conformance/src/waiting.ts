/** A promise and its two ends. */
export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<Value = void>(): Deferred<Value> {
  let ends: Omit<Deferred<Value>, "promise"> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    ends = { resolve, reject };
  });
  if (ends === undefined) throw new Error("unreachable: the executor runs at once");
  return { promise, ...ends };
}

/** After everything that is due now. A detached buffer still looks whole in a microtask. */
export function macrotask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Resolves once `condition` holds; for states that nothing announces. The case's own time limit bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** What happened, in order. */
export class Journal<Entry = string> {
  readonly entries: Entry[] = [];
  #wake: (() => void)[] = [];

  note(entry: Entry): void {
    this.entries.push(entry);
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** Resolves once there are `count` entries, or one that satisfies the predicate, which it returns. */
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

/** Rejects when `run` takes longer, so that a case against a broken implementation ends too. */
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
