/**
 * Calls `decide` after the data that has already arrived on sockets was read. When the process was paused
 * (garbage collection, a debugger, SIGSTOP), expired timers run before the event loop reads its sockets, so a
 * reply that came in time would count as a timeout. Two turns of the loop are needed, because the first may
 * start after its poll phase.
 */
export function afterPendingReads(decide: () => void): void {
  setImmediate(() => setImmediate(decide));
}

/** A timeout that reads pending socket data before it fires; see `afterPendingReads`. */
export class PatientTimer {
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(ms: number, decide: () => void) {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        afterPendingReads(() => {
          if (!this.#isStopped) decide();
        });
      },
      Math.max(0, ms),
    );
  }

  /** Allows the process to exit while the timer is running. */
  unref(): this {
    this.#timer?.unref();
    return this;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }
}

/** Rejects with `late()` unless `promise` settles within `ms`. `promise` may still fail later, which is ignored. */
export function orTooLate<Result>(ms: number, promise: Promise<Result>, late: () => Error): Promise<Result> {
  let timer: PatientTimer | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = new PatientTimer(ms, () => reject(late())).unref();
  });
  return Promise.race([promise, timeout]).finally(() => timer?.stop());
}
