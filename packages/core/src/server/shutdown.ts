import type { Closing } from "../api/resolve-close-options.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import type { ConnectionLifecycle } from "../connection/lifecycle.ts";

/** The part of a connection that a shutdown uses. */
type Endable = Pick<
  ConnectionLifecycle<object>,
  "end" | "endHandled" | "forceFinish" | "excludeFromShutdown"
> & {
  /** Announces to a client of `v1.wsession` that the connection ends within `ms` milliseconds. */
  announceEnd(ms: number): void;
};

/** Milliseconds for messages that have arrived, if `drainMs` is 0, and at least for handlers that are still running. */
const HANDLING_MS = 5_000;
/** Milliseconds that the last connections have for messages that have arrived, if `drainMs` is not shorter. */
const LAST_TURN_MS = 1_000;

/** Ends the connections of one binding one after another. Messages that have arrived are handled first, within time limits. */
export class Shutdown {
  readonly #deadlines: Deadlines;
  readonly #closing: Closing;
  /** The connections whose close handler has not settled yet. */
  readonly #unfinished: () => Iterable<Endable>;
  #bounds: readonly Deadline[] = [];

  constructor(deadlines: Deadlines, closing: Closing, unfinished: () => Iterable<Endable>) {
    this.#deadlines = deadlines;
    this.#closing = closing;
    this.#unfinished = unfinished;
  }

  /**
   * Ends connection i of n after `drainMs * i / n`. `caller`: the connection whose handler called for the shutdown and may
   * await it. The shutdown does not wait for that handler, because the two would wait for each other (deadlock).
   */
  async run(caller: Endable | undefined): Promise<void> {
    const { code, reason, drainMs } = this.#closing;
    const started = performance.now();
    const connections = [...this.#unfinished()];
    const count = connections.length;
    this.#bound(drainMs - drainMs / Math.max(1, count));
    caller?.excludeFromShutdown();
    // Announce the end to all clients at once, so that clients whose connection ends later can connect elsewhere before that.
    for (const [index, connection] of connections.entries())
      if (index > 0 && drainMs > 0) connection.announceEnd((drainMs * index) / count);
    for (let index = 0; index < count;) {
      const wait = started + (drainMs * index) / count - performance.now();
      if (wait > 0) await this.#pause(wait);
      const connection = connections[index];
      if (connection === caller) connection?.end(code, reason);
      else connection?.endHandled(code, reason);
      index += 1;
    }
  }

  /** All connections have finished. */
  done(): void {
    for (const bound of this.#bounds) bound.cancel();
  }

  #bound(lastTurnMs: number): void {
    const { code, reason, drainMs } = this.#closing;
    const handlingMs =
      drainMs === 0 ? HANDLING_MS : Math.max(drainMs, lastTurnMs + Math.min(drainMs, LAST_TURN_MS));
    this.#bounds = [
      this.#deadlines.allow(handlingMs, () => {
        for (const connection of this.#unfinished()) connection.end(code, reason);
      }),
      // A handler that awaits the shutdown after another `await` can't be distinguished from a busy handler: give up on both.
      this.#deadlines.allow(Math.max(handlingMs, HANDLING_MS), () => {
        for (const connection of this.#unfinished()) connection.forceFinish();
      }),
    ];
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deadlines.after(ms, resolve);
    });
  }
}
