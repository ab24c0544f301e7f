/** Combines the failures of the store that no caller waits for into few reports. */
import type { ErrorContext } from "../api/error-context.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import { isSessionError, SessionError } from "../base/errors.ts";
import { telemetry } from "../base/telemetry.ts";

/** Milliseconds between two checks of an outage. An answer ends the outage if no call has failed for this time. */
const CHECK_MS = 5_000;
/** Milliseconds between two reports of a lasting outage. The outage also ends if no call has failed for this time. */
const REPEAT_MS = 60_000;
/** The most causes that are distinguished. Without a limit, errors whose text differs each time would all be new causes. */
const MAX_CAUSES = 16;
/** How many causes one report names, the most frequent first. */
const MAX_NAMED_CAUSES = 5;

type OnError = (error: unknown, context: ErrorContext) => void;

interface Cause {
  /** The last failure of this cause. */
  error: SessionError;
  /** Failures that no report has counted yet. */
  count: number;
  lastAt: number;
}

/**
 * Reports failures of the store that no caller waits for. The first failure of each cause is reported at once. Further failures are
 * counted: one report a minute while the outage lasts, and one report when it is over. Otherwise every handshake and every
 * connection during an outage would add to the log.
 */
export class OutageReports {
  readonly #deadlines: Deadlines;
  readonly #callOnError: OnError;
  /** The causes of the outage. Empty if there is no outage. */
  readonly #causes = new Map<string, Cause>();
  /** When the counting began, and when the last failure was reported to this object, by `performance.now()`. */
  #since = 0;
  #lastAt = 0;
  #answeredAt = -Infinity;
  /** When the outage began, for telemetry. */
  #beganAt = 0;
  #nextCheck: Deadline | undefined;
  #isClosed = false;

  constructor(deadlines: Deadlines, onError: OnError) {
    this.#deadlines = deadlines;
    this.#callOnError = onError;
  }

  /**
   * Counts an error that is part of an outage. Any other error gets a report of its own. A failed call that the application did not
   * await gets one too, because each such call is another mistake.
   */
  report(error: unknown, context: ErrorContext): void {
    if (this.#isClosed || context.stage === "unhandled" || !isOutage(error))
      return this.#callOnError(error, context);
    const now = performance.now();
    const key = this.#keyOf(error);
    const known = this.#causes.get(key);
    this.#lastAt = now;
    if (known !== undefined) {
      known.error = error;
      known.count += 1;
      known.lastAt = now;
      return;
    }
    if (this.#causes.size === 0) {
      this.#beganAt = now;
      if (telemetry.storeHealth.hasSubscribers)
        telemetry.storeHealth.publish({ ok: false, code: error.code, outageMs: 0 });
      this.#since = now;
      this.#scheduleCheck();
    }
    this.#causes.set(key, { error, count: 0, lastAt: now });
    this.#callOnError(error, context);
  }

  /** The store has answered. Without an outage the call costs one comparison. */
  answered(): void {
    if (this.#causes.size > 0) this.#answeredAt = performance.now();
  }

  /** Whether there is an outage, and no call has been answered since its last failure. */
  get isOut(): boolean {
    return this.#causes.size > 0 && this.#answeredAt <= this.#lastAt;
  }

  /** Reports the counted failures. Later failures are reported one by one, because no further summary follows. */
  close(): void {
    this.#isClosed = true;
    this.#nextCheck?.cancel();
    this.#summarise("the sessions are closed");
    this.#causes.clear();
  }

  #keyOf(error: SessionError): string {
    const { code, message, cause } = error;
    const key = `${code} ${message} ${cause instanceof Error ? cause.message : ""}`;
    return this.#causes.size < MAX_CAUSES || this.#causes.has(key) ? key : code;
  }

  #scheduleCheck(): void {
    this.#nextCheck = this.#deadlines.after(CHECK_MS, () => this.#check());
  }

  #check(): void {
    const now = performance.now();
    const quietMs = now - this.#lastAt;
    const answers = this.#answeredAt > this.#lastAt && quietMs >= CHECK_MS;
    if (answers || quietMs >= REPEAT_MS) {
      this.#summarise(answers ? "the store answers again" : "no call of the store has failed for 60 s");
      this.#causes.clear();
      if (telemetry.storeHealth.hasSubscribers)
        telemetry.storeHealth.publish({ ok: true, code: undefined, outageMs: now - this.#beganAt });
      return;
    }
    if (now - this.#since >= REPEAT_MS) {
      this.#summarise("the store still fails");
      this.#since = now;
      for (const [key, cause] of this.#causes) {
        cause.count = 0;
        if (now - cause.lastAt >= REPEAT_MS) this.#causes.delete(key);
      }
    }
    this.#scheduleCheck();
  }

  /** One report for all causes, because one outage causes different errors: they depend on the step that a call has reached. */
  #summarise(state: string): void {
    const counted = [...this.#causes.values()]
      .filter(({ count }) => count > 0)
      .toSorted((one, other) => other.count - one.count);
    const [most] = counted;
    if (most === undefined) return;
    const failures = counted.reduce((sum, { count }) => sum + count, 0);
    const seconds = Math.ceil((this.#lastAt - this.#since) / 1_000);
    const named = counted.slice(0, MAX_NAMED_CAUSES).map(({ error, count }) => `${error.message} (${count})`);
    const message = `${state}; calls that failed within ${seconds} s without a report: ${failures}: ${named.join(", ")}`;
    this.#callOnError(new SessionError(most.error.code, message, { cause: most.error }), {
      stage: "store",
      failures,
    });
  }
}

/** `STORE_FULL` counts as an outage, because new clients can cause it as often as they like. */
function isOutage(error: unknown): error is SessionError {
  return isSessionError(error, "STORE_UNAVAILABLE") || isSessionError(error, "STORE_FULL");
}
