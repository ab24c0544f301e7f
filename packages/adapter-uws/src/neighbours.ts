import type { HttpResponse } from "uWebSockets.js";
import type { Socket } from "./socket.ts";

/** Enough that not all of them close between two upgrades, where many are open. */
const KEPT = 16;

/**
 * Answers an upgrade that was waited for, past a fault of the runtime (uNetworking/uWebSockets pull request 1929 mends it).
 * When the callback of `cork` returns, the runtime looks at the response; after an upgrade that memory may be the
 * WebSocket's, and by what it finds there it may close the socket with 1006: one of twenty in a fresh process. It does not
 * look while another socket is corked, so another is, if one is open. If none is, the answer is written without `cork`, for
 * which the runtime writes a warning to standard error, which is the lesser evil.
 */
export class Neighbours {
  readonly #sockets = new Set<Socket>();

  add(socket: Socket): void {
    if (this.#sockets.size < KEPT) this.#sockets.add(socket);
  }

  delete(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  around(response: HttpResponse, answer: () => void): void {
    const [neighbour] = this.#sockets;
    if (neighbour === undefined) answer();
    else neighbour.cork(() => response.cork(answer));
  }
}
