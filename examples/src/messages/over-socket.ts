import type { ClientLike } from "@wsession/protocol/messages";
import type { WebSocket } from "ws";

// #region over-socket
/** A plain WebSocket in the client's place. Nothing is kept or numbered: `send` resolves once the socket has the message. */
export function overSocket(socket: WebSocket): ClientLike {
  return {
    async send(message) {
      socket.send(message);
    },
    sendNow(message) {
      if (socket.readyState !== socket.OPEN) return false;
      socket.send(message);
      return true;
    },
    on(_, listener) {
      const onMessage = ({ data }: { data: unknown }) => listener({ data: String(data), replayed: false });
      socket.addEventListener("message", onMessage);
      return () => socket.removeEventListener("message", onMessage);
    },
  };
}
// #endregion
