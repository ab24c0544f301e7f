import type { HttpResponse } from "uWebSockets.js";
import { companionOf } from "./companion.ts";
import { examine, mayBeClosed } from "./probe.ts";
import type { Socket } from "./socket.ts";

/** Enough that with many open sockets at least one remains between two upgrades. */
const KEPT = 16;

/**
 * Answers an asynchronous upgrade, working around a fault of the runtime (fixed by uNetworking/uWebSockets pull request 1929). When
 * the callback of `cork` returns, the runtime inspects the response. After an upgrade that memory may belong to the WebSocket, and
 * depending on its content the runtime closes the socket with 1006: in a new process about one socket of twenty. The runtime does
 * not inspect the response while another socket is corked, so this class corks another socket: an open WebSocket, or the companion.
 * If there is neither, the answer is written without `cork`, which only causes a warning of the runtime on standard error. Where
 * `examine` finds a runtime without the fault, the response itself is corked.
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

  /** Makes sure that another socket can be corked, if one is needed. Pass the result to `around` in the same turn. */
  async find(response: HttpResponse): Promise<HttpResponse | undefined> {
    const examined = examine();
    if (!this.isEmpty) return undefined;
    await examined;
    return mayBeClosed(response) ? companionOf(response) : undefined;
  }

  around(response: HttpResponse, found: HttpResponse | undefined, answer: () => void): void {
    if (!mayBeClosed(response)) {
      response.cork(answer);
      return;
    }
    const [socket] = this.#sockets;
    const neighbour = socket ?? found;
    if (neighbour === undefined) answer();
    else neighbour.cork(() => response.cork(answer));
  }
}
