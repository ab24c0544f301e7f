import type { WebSocketClass, WebSocketLike } from "./contract.ts";
import { after } from "./environment.ts";

const CLOSE_MS = 3_000;

export interface LinkOwner {
  opened(): void;
  received(frame: string | Uint8Array): void;
  /** Called once, and never after `close`. */
  ended(code: number, reason: string): void;
}

/** One WebSocket, of whatever class: its events as calls of an owner, its data as text or bytes. */
export class Link {
  readonly #socket: WebSocketLike;
  #hasEnded = false;
  #whenEnded: () => void = () => {};

  /** Throws what the class throws. */
  constructor(WebSocket: WebSocketClass, url: string, protocols: string[], owner: LinkOwner) {
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    // A Blob could only be read later, out of order.
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (!this.#hasEnded) owner.opened();
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      if (this.#hasEnded) return;
      if (typeof data === "string") owner.received(data);
      else if (data instanceof ArrayBuffer) owner.received(new Uint8Array(data));
    };
    // The close event says the same; ws throws an error that nobody listens to.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }: { readonly code: number; readonly reason: string }) => {
      this.#whenEnded();
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      owner.ended(code, reason);
    };
  }

  get protocol(): string | undefined {
    return this.#socket.protocol;
  }

  send(frame: string | Uint8Array): boolean {
    // 1 is OPEN. A closing socket takes data and drops it.
    if (this.#hasEnded || this.#socket.readyState !== 1) return false;
    this.#socket.send(typeof frame === "string" ? frame : frame.slice().buffer);
    return true;
  }

  /** Closes the socket, and hears nothing of it any more. Resolves when it has closed, within a bound. */
  close(code: number, reason: string): Promise<void> {
    this.#hasEnded = true;
    return new Promise((resolve) => {
      const cancel = after(CLOSE_MS, resolve);
      this.#whenEnded = () => {
        cancel();
        resolve();
      };
      // 3 is CLOSED.
      if (this.#socket.readyState === 3) this.#whenEnded();
      this.#socket.close(code, reason);
    });
  }
}
