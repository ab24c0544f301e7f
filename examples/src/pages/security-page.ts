// The page's code of docs/security.md.
import { WebSocket } from "ws";

/** Follows the renewals of a socket, and returns the socket that is in use. */
export function followRenewals(opened: WebSocket): () => WebSocket {
  let socket = opened;
  // #region renew-page
  // Page: reconnect with the code; the 101 sets the new cookie.
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data));
    if (message.type !== "renew") return;
    socket.close();
    socket = new WebSocket(`wss://app.example.com/?renewal=${message.code}`);
  });
  // #endregion
  return () => socket;
}
