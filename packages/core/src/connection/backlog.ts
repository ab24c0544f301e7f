import type { Limits } from "../api/options.ts";
import type { Deadline } from "../base/deadlines.ts";
import type { CloseEvent, LifecycleContext } from "./context.ts";
import { Inbox } from "./inbox.ts";

/**
 * What a connection has from the first time that something had to wait. A connection that is idle, or whose handler returns
 * no promise, has none, because a backlog costs more memory than the rest of the connection.
 */
export class Backlog<Socket extends object> {
  readonly inbox: Inbox = new Inbox();
  /** How the connection ends after the messages that have arrived were handled. */
  ending: CloseEvent | undefined = undefined;
  /** What follows a message's handler. Created once, because a closure for each message would be garbage. */
  readonly onSettled: () => void;
  readonly onFailed: (error: unknown) => void;
  readonly #context: LifecycleContext<Socket>;
  readonly #socket: Socket;
  /** While the socket is paused: until when, at most. */
  #pausedUntil: Deadline | undefined = undefined;

  constructor(
    context: LifecycleContext<Socket>,
    socket: Socket,
    onSettled: () => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#context = context;
    this.#socket = socket;
    this.onSettled = onSettled;
    this.onFailed = onFailed;
  }

  /**
   * Pauses the socket where the inbox is half full and the runtime can pause. A paused socket shows neither a close frame
   * nor its end, so it is resumed after a while whatever the handler does (I3).
   */
  pauseIfHigh(limits: Limits): void {
    const { runtime, deadlines, settings } = this.#context;
    if (this.#pausedUntil !== undefined || runtime.pause === undefined || !this.inbox.isHigh(limits)) return;
    this.#pausedUntil = deadlines.after(settings.handlerTimeoutMs, () => this.unpause(true));
    runtime.pause(this.#socket);
  }

  /** `isLive`: the socket has not ended, so that the runtime may be asked to read it again. */
  unpause(isLive: boolean): void {
    if (this.#pausedUntil === undefined) return;
    this.#pausedUntil.cancel();
    this.#pausedUntil = undefined;
    if (isLive) this.#context.runtime.resume?.(this.#socket);
  }
}
