import type { Closing } from "../api/resolve-close-options.ts";
import type { Deadline, Deadlines } from "../base/deadlines.ts";
import type { ConnectionLifecycle } from "../connection/lifecycle.ts";

/** The part of a connection that a shutdown uses. */
type Endable = Pick<
  ConnectionLifecycle<object>,
  "end" | "endHandled" | "forceFinish" | "excludeFromShutdown"
> & {
  /** Whether the client supports `announceEnd`. */
  readonly canMove: boolean;
  /**
   * Announces to the client that it should connect elsewhere within `ms` milliseconds. Returns false if the client is not ready for
   * the announcement.
   */
  announceEnd(ms: number): boolean;
};

/** Milliseconds for messages that have arrived, if `drainMs` is 0, and at least for handlers that are still running. */
const HANDLING_MS = 5_000;
/** Milliseconds that the last connections have for messages that have arrived, if `drainMs` is not shorter. */
const LAST_TURN_MS = 1_000;
/** Milliseconds that the last client has for its move, if half of `drainMs` is not shorter. */
const MOVING_MS = 5_000;
/** Milliseconds between two attempts to announce the end to a client that was not ready. */
const RETRY_MS = 50;

/**
 * Ends the connections of one binding one after another. Messages that have arrived are handled first, within time limits. With
 * `handover`, clients that can move get an announcement, and connect elsewhere. Their connections are ended only if they are still
 * open at the end of `drainMs`.
 */
export class Shutdown {
  readonly #deadlines: Deadlines;
  readonly #closing: Closing;
  /** The connections whose close handler has not settled yet. */
  readonly #unfinished: () => Iterable<Endable>;
  readonly #started: number = performance.now();
  #timeLimits: readonly Deadline[] = [];
  #isEmpty = false;
  readonly #pauses = new Set<() => void>();

  constructor(deadlines: Deadlines, closing: Closing, unfinished: () => Iterable<Endable>) {
    this.#deadlines = deadlines;
    this.#closing = closing;
    this.#unfinished = unfinished;
  }

  /** Seconds until this process has no connection any more, for the header `Retry-After`. */
  get retryAfter(): number {
    const restMs = this.#started + this.#closing.drainMs - performance.now();
    return Math.max(1, Math.ceil(restMs / 1_000));
  }

  /**
   * Ends connection i of n after `drainMs * i / n`. `caller`: the connection whose handler called for the shutdown and may
   * await it. The shutdown does not wait for that handler, because the two would wait for each other (deadlock).
   */
  async run(caller: Endable | undefined): Promise<void> {
    const { drainMs, handover } = this.#closing;
    const connections = [...this.#unfinished()];
    const movers = connections.filter(({ canMove }) => handover && canMove);
    const others = connections.filter(({ canMove }) => !(handover && canMove));
    this.#limitTime(movers.length > 0 ? drainMs : drainMs - drainMs / Math.max(1, others.length));
    caller?.excludeFromShutdown();
    await Promise.all([this.#endInTurn(others, caller), this.#handOver(movers, caller)]);
  }

  /** All connections have finished, so that there is nothing to wait for. */
  onEmpty(): void {
    this.#isEmpty = true;
    for (const resolve of this.#pauses) resolve();
    this.#pauses.clear();
  }

  /** Called when the shutdown is over. */
  done(): void {
    for (const limit of this.#timeLimits) limit.cancel();
  }

  async #endInTurn(connections: readonly Endable[], caller: Endable | undefined): Promise<void> {
    const { drainMs } = this.#closing;
    const count = connections.length;
    // Announce the end to all clients at once, so that clients whose connection ends later can connect elsewhere before that.
    for (const [index, connection] of connections.entries())
      if (index > 0 && drainMs > 0) connection.announceEnd((drainMs * index) / count);
    for (const [index, connection] of connections.entries()) {
      await this.#waitUntil((drainMs * index) / count);
      this.#end(connection, caller);
    }
  }

  /**
   * Sends the announcement to one client after another. If all clients got it at once with the same time span, the client that
   * moves last would have no time left.
   */
  async #handOver(movers: readonly Endable[], caller: Endable | undefined): Promise<void> {
    const { drainMs } = this.#closing;
    const announcingMs = drainMs - Math.min(drainMs / 2, MOVING_MS);
    let unannounced: Endable[] = [];
    for (const [index, mover] of movers.entries()) {
      await this.#waitUntil((announcingMs * index) / movers.length);
      if (!mover.announceEnd(0)) unannounced.push(mover);
    }
    for (let at = announcingMs; unannounced.length > 0 && at < drainMs; at += RETRY_MS) {
      await this.#waitUntil(at);
      unannounced = unannounced.filter((mover) => !mover.announceEnd(0));
    }
    if (movers.length > 0) await this.#waitUntil(drainMs);
    for (const mover of movers) this.#end(mover, caller);
  }

  #end(connection: Endable, caller: Endable | undefined): void {
    const { code, reason } = this.#closing;
    if (connection === caller) connection.end(code, reason);
    else connection.endHandled(code, reason);
  }

  /** Sets the time limits of the messages that have arrived, and of the handlers. */
  #limitTime(lastTurnMs: number): void {
    const { code, reason, drainMs } = this.#closing;
    const handlingMs =
      drainMs === 0 ? HANDLING_MS : Math.max(drainMs, lastTurnMs + Math.min(drainMs, LAST_TURN_MS));
    this.#timeLimits = [
      this.#deadlines.allow(handlingMs, () => {
        for (const connection of this.#unfinished()) connection.end(code, reason);
      }),
      // A handler that awaits the shutdown after another `await` can't be distinguished from a busy handler: stop waiting for both.
      this.#deadlines.allow(Math.max(handlingMs, HANDLING_MS), () => {
        for (const connection of this.#unfinished()) connection.forceFinish();
      }),
    ];
  }

  /** Waits until `ms` milliseconds after the start, or until no connection is left. */
  async #waitUntil(ms: number): Promise<void> {
    const wait = this.#started + ms - performance.now();
    if (wait <= 0 || this.#isEmpty) return;
    await new Promise<void>((resolve) => {
      const pause = this.#deadlines.after(wait, () => {
        this.#pauses.delete(finish);
        resolve();
      });
      const finish = (): void => {
        pause.cancel();
        resolve();
      };
      this.#pauses.add(finish);
    });
  }
}
