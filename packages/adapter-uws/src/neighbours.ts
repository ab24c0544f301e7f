import type { HttpResponse } from "uWebSockets.js";
import { companionOf } from "./companion.ts";
import type { Socket } from "./socket.ts";

/** Enough that not all of them close between two upgrades, where many are open. */
const KEPT = 16;

/**
 * Answers an upgrade that was waited for, past a fault of the runtime (uNetworking/uWebSockets pull request 1929 mends it).
 * When the callback of `cork` returns, the runtime looks at the response; after an upgrade that memory may be the
 * WebSocket's, and by what it finds there it may close the socket with 1006: one of twenty in a fresh process. It does not
 * look while another socket is corked, so another is: one of the WebSockets that are open, or the companion. Without any
 * the answer is written without `cork`, for which the runtime writes a warning to standard error, which is the lesser evil.
 */
export class Neighbours {
  readonly #sockets = new Set<Socket>();

  get isEmpty(): boolean {
    return this.#sockets.size === 0;
  }

  add(socket: Socket): void {
    if (this.#sockets.size < KEPT) this.#sockets.add(socket);
  }

  delete(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  /** Sees to it that there is something to cork. What was `found` is for `around`, in the same turn. */
  async find(response: HttpResponse): Promise<HttpResponse | undefined> {
    return this.isEmpty ? companionOf(response) : undefined;
  }

  around(response: HttpResponse, found: HttpResponse | undefined, answer: () => void): void {
    const [socket] = this.#sockets;
    const neighbour = socket ?? found;
    if (neighbour === undefined) answer();
    else neighbour.cork(() => response.cork(answer));
  }
}
