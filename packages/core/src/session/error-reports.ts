import type { ErrorContext } from "../api/error-context.ts";
import type { Settings } from "../api/settings.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Diagnostics } from "../base/diagnostics.ts";
import { disregard } from "../base/promises.ts";
import { Warnings } from "../base/warnings.ts";
import { OutageReports } from "./outages.ts";

/**
 * Delivers errors that no caller waits for to `onError`, or to the process as warnings. The errors of an outage of the store
 * become few reports.
 */
export class ErrorReports {
  readonly #onError: Settings<object>["onError"];
  readonly #diagnostics: Diagnostics;
  readonly #warnings = new Warnings("give createSessions an onError");
  readonly #outages: OutageReports;

  constructor(onError: Settings<object>["onError"], diagnostics: Diagnostics, deadlines: Deadlines) {
    this.#onError = onError;
    this.#diagnostics = diagnostics;
    this.#outages = new OutageReports(deadlines, (error, context) => this.#deliver(error, context));
  }

  report(error: unknown, context: ErrorContext): void {
    this.#outages.report(error, context);
  }

  /** The store has answered, which may end an outage. */
  storeAnswered(): void {
    this.#outages.answered();
  }

  /** Whether the latest calls of the store that were reported here have failed. */
  get isStoreFailing(): boolean {
    return this.#outages.isOut;
  }

  /** Delivers what the outage reports have counted so far. */
  close(): void {
    this.#outages.close();
  }

  #deliver(error: unknown, context: ErrorContext): void {
    const isClient = context.stage === "client";
    if (isClient) this.#diagnostics.clientErrors += 1;
    try {
      const onError = this.#onError;
      if (onError !== undefined) disregard(onError(error, context));
      else if (!isClient) this.#warnings.warn(context.stage, error);
    } catch {
      // `onError` itself threw, and there is no further place to report to.
    }
  }
}
