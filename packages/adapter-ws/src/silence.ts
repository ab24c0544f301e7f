import type { WebSocket } from "ws";

/** Events that carry data of the peer. */
const OF_THE_PEER: ReadonlySet<string | symbol> = new Set(["message", "ping", "pong"]);

/**
 * After this call no event with data of the peer reaches a listener. This includes the application's own listeners. ws keeps
 * reading until the peer answers the close frame, and a message may come from a user who was logged out. Replaces `emit` on this
 * one object. `discarded` is called for each dropped event.
 */
export function silence(
  socket: WebSocket,
  discarded: (socket: WebSocket, event: string | symbol) => void,
): void {
  if (Object.hasOwn(socket, "emit")) return;
  const emit = socket.emit.bind(socket);
  socket.emit = (event: string | symbol, ...values: unknown[]) => {
    if (!OF_THE_PEER.has(event)) return emit(event, ...values);
    discarded(socket, event);
    return false;
  };
}
