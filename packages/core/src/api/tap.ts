/**
 * Gets the events of one connection before the handlers get them. With a tap an adapter gives the application another object in
 * place of the connection, such as the socket of `asWebSocket` of adapter-ws. A connection has one tap at most. No method is
 * called before the connection's gate allows it, and none after `closed`.
 */
export interface ConnectionTap {
  /** The object that an application uses in place of the connection (a facade). `sessions.of` finds the connection by this object. */
  readonly facade: object;
  /**
   * Messages may come: `open` has settled, and the gate is open (I1). Called once, before the first message, and only if
   * `awaitReady` was called. A throw ends the connection, as that of a handler does (I12).
   */
  ready(): void;
  /**
   * A message, before the handler `message` gets the message. The bytes belong to the tap. The handler, and so the next message,
   * waits for a promise. A throw or a rejection ends the connection (I12).
   */
  message(data: string | Uint8Array): Promise<unknown> | undefined;
  /** The peer sent a ping or a pong with these bytes. Only of runtimes with `watchPings`. */
  controlFrame(type: "ping" | "pong", data: Uint8Array): void;
  /** All data that waited to be sent was handed to the operating system. */
  drained(): void;
  /** The connection begins to end: by the peer, the network, or this side. Messages that wait may still come in the first two cases. */
  ending(): void;
  /** The last event, just before the handler `close`. */
  closed(code: number, reason: string): void;
}

/** The methods of a connection that a tap may call. No method throws because of the connection's state. */
export interface TappedConnection {
  /** Whether the connection has ended, or this side is ending it. */
  readonly isEnding: boolean;
  /** Whether this side is ending the connection, so that no message is handled any more. */
  readonly isDiscarding: boolean;
  /** Whether the connection has passed its last event, `closed`. */
  readonly isFinished: boolean;
  /** Whether the application has a handler `message`. */
  readonly hasMessageHandler: boolean;
  /** Delays messages until `ready` was called, in a microtask at the earliest. */
  awaitReady(): void;
  /** Ends the connection because of an error in code that uses the tap, as an error of a handler does. */
  fail(error: unknown): void;
  /** Sends a ping or a pong with data. False: the runtime can't send it. */
  sendControl(type: "ping" | "pong", data: Uint8Array | undefined): boolean;
}
