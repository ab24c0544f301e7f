import { isSessionError } from "@wsession/core";
import type { ReadReply } from "../connection/call.ts";

/**
 * Calls that may have changed a session's presence without a reply that reports the change. A call that was sent again finds its own
 * change and reports none. A call whose outcome is unknown has no reply. Without another read of the session, the processes that watch its subject
 * would have the former state until their next sweep.
 */
export class Doubts {
  #listener: (id: string) => void = () => undefined;

  /** `listener` gets the id of each session whose presence may have changed. */
  listen(listener: (id: string) => void): void {
    this.#listener = listener;
  }

  /** Makes a call that may change the presence of the session. `send` has to read the reply by the function that it gets. */
  call<Result>(
    id: string,
    read: ReadReply<Result>,
    send: (read: ReadReply<Result>) => Promise<Result>,
  ): Promise<Result> {
    const sent = send((reply, attempts) => {
      if (attempts > 1) this.#listener(id);
      return read(reply, attempts);
    });
    sent.catch((error: unknown) => {
      if (isSessionError(error) && error.outcome === "unknown") this.#listener(id);
    });
    return sent;
  }
}
