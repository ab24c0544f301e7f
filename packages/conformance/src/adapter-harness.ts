import type { Awaitable, Binding, Handlers, Sessions } from "@wsession/core";

/** The description of an adapter under test. */
export interface AdapterHarness {
  /** The name that the adapter's runtime has: `Runtime.name`. */
  readonly runtime: "ws" | "uws" | "bun" | (string & {});
  /**
   * Whether the runtime can pause reading, so that a busy handler slows the peer down (backpressure) instead
   * of exceeding the limits of the inbox.
   */
  readonly pauses: boolean;
  /**
   * Whether the runtime delivers frames that arrived together with the upgrade request, before its answer. A
   * client MUST NOT send such frames (RFC 6455 section 4.1); uWebSockets.js drops them or rejects the
   * request.
   */
  readonly keepsEagerFrames: boolean;
  /**
   * Whether the runtime can send a message in fragments (`Runtime.sendLong`), so that a slow peer shows between two fragments that
   * it reads.
   *
   * @default true
   */
  readonly fragments?: boolean | undefined;
  /**
   * Starts a server on a free port of 127.0.0.1, binds the sessions to all of its paths, and resolves once it
   * is listening. The suite calls it several times concurrently and closes each server. A rejection fails the
   * case.
   */
  readonly listen: <Data extends object, Transport, Unset extends undefined>(
    sessions: Sessions<Data, Transport, Unset>,
    handlers: Handlers<Data, Transport, Unset>,
  ) => Awaitable<AdapterServer>;
}

/** A running server of the adapter under test. */
export interface AdapterServer {
  /** The TCP port on 127.0.0.1. */
  readonly port: number;
  /** The result of the adapter's `bindSessions`. */
  readonly binding: Binding;
  /** Frees the port. Called once, after the sessions were closed. */
  close(): Awaitable<void>;
}
