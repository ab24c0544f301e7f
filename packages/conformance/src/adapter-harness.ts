import type { Awaitable, Binding, Handlers, Sessions } from "@wsession/core";

/** How the suite meets an adapter. */
export interface AdapterHarness {
  readonly runtime: "ws" | "uws";
  /** Whether the runtime can stop reading a socket, so that a busy handler slows the peer down instead of losing it. */
  readonly pauses: boolean;
  /**
   * Whether the runtime hands over frames that came with the upgrade request, before its answer. A client MUST NOT send
   * such (RFC 6455 section 4.1): uWebSockets.js drops them, or takes them for a bad request.
   */
  readonly keepsEagerFrames: boolean;
  /**
   * Boots a server on a free port of 127.0.0.1, binds the sessions to every path of it, and resolves when it listens.
   * Called several times at once; each server is closed again. A rejection fails the case.
   */
  readonly listen: <Data extends object, Transport, Unset extends undefined>(
    sessions: Sessions<Data, Transport, Unset>,
    handlers: Handlers<Data, Transport, Unset>,
  ) => Awaitable<AdapterServer>;
}

export interface AdapterServer {
  readonly port: number;
  readonly binding: Binding;
  /** Frees the port; called once, after the sessions were closed. */
  close(): Awaitable<void>;
}
