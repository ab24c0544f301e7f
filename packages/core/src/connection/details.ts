import type { CloseInfo } from "../api/contract.ts";

/**
 * The members of a connection that few connections need. Created on demand, because fields for them would cost memory on every
 * connection.
 */
export class ConnectionDetails {
  /** The transport's data, or the transport record. */
  transport: unknown;
  /** The application's own record of the connection. */
  context: unknown = undefined;
  /** The application's subprotocol. */
  protocol: string = "";
  #closed: Promise<CloseInfo> | undefined = undefined;
  #resolve: ((info: CloseInfo) => void) | undefined = undefined;

  constructor(transport: unknown) {
    this.transport = transport;
  }

  /** The promise of `connection.closed`. `ended` is given once the socket has ended. */
  closed(ended: CloseInfo | undefined): Promise<CloseInfo> {
    this.#closed ??= new Promise((resolve) => {
      if (ended === undefined) this.#resolve = resolve;
      else resolve(ended);
    });
    return this.#closed;
  }

  resolveClosed(info: CloseInfo): void {
    this.#resolve?.(info);
  }
}
