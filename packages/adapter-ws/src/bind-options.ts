import { assertOneOf, assertOptions } from "@wsession/core/runtime";

/** The options of `bindSessions` for ws. */
export interface BindOptions {
  /**
   * The socket that your own `connection` listeners of the server get. `"raw"`: the socket of ws, at once. Its messages do not wait
   * for the session. `"gated"`: the socket of `asWebSocket`, once the session is set and `open` has settled; with the gate `"open"`
   * once `open` has settled. `sessions.of(socket)` returns the connection of both kinds of socket. An error that such a listener
   * throws ends the connection with 1011. Frameworks that take the socket from the callback of `handleUpgrade`, such as
   * @fastify/websocket, get the raw socket in both cases: pass it through `asWebSocket(sessions.of(socket))`.
   *
   * @default "raw"
   */
  readonly listeners?: "raw" | "gated" | undefined;
}

export function checkOptions(options: BindOptions): BindOptions {
  assertOptions("bindSessions for ws", options, ["listeners"]);
  const { listeners } = options;
  if (listeners !== undefined) assertOneOf("listeners", listeners, ["raw", "gated"]);
  return { listeners };
}
