import type { Limits } from "../api/settings.ts";
import type { Deadline } from "../base/deadlines.ts";
import type { Ending } from "../base/endings.ts";
import type { LifecycleBinding } from "./binding.ts";
import { Inbox } from "./inbox.ts";

/**
 * The state that a connection needs once a message or a step has to wait. A connection that is idle, or whose handler returns no
 * promise, has no backlog, because a backlog costs more memory than the rest of the connection.
 */
export class Backlog<Socket extends object> {
  readonly inbox: Inbox = new Inbox();
  /** The close code and reason that `endHandled` sends once the messages that have arrived were handled. */
  ending: Ending | undefined = undefined;
  /** How many handlers of messages have not settled. Counted only with `maxConcurrentMessages` above 1. */
  running = 0;
  /** Called when the promise of a message's handler settles. Created once, because a closure for each message would be garbage. */
  readonly onSettled: () => void;
  readonly onFailed: (error: unknown) => void;
  readonly #binding: LifecycleBinding<Socket>;
  readonly #socket: Socket;
  /** While the socket is paused: the deadline at which it is resumed in any case. */
  #pausedUntil: Deadline | undefined = undefined;

  constructor(
    binding: LifecycleBinding<Socket>,
    socket: Socket,
    onSettled: () => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#binding = binding;
    this.#socket = socket;
    this.onSettled = onSettled;
    this.onFailed = onFailed;
  }

  /**
   * Pauses the socket if the inbox is half full and the runtime can pause. A paused socket shows neither a close frame nor its end,
   * so it is resumed after `handlerTimeoutMs` even if the handler has not settled (I3).
   */
  pauseIfHigh(limits: Limits): void {
    const { runtime, deadlines, settings } = this.#binding;
    if (this.#pausedUntil !== undefined || runtime.pause === undefined || !this.inbox.isHigh(limits)) return;
    this.#pausedUntil = deadlines.after(settings.handlerTimeoutMs, () => this.unpause(true));
    runtime.pause(this.#socket);
  }

  /** `isLive`: the socket has not ended. Only then may the runtime resume it. */
  unpause(isLive: boolean): void {
    if (this.#pausedUntil === undefined) return;
    this.#pausedUntil.cancel();
    this.#pausedUntil = undefined;
    if (isLive) this.#binding.runtime.resume?.(this.#socket);
  }
}
