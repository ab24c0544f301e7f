// The same package under other names: a second copy, and an older version, beside the application's own.
declare module "ws-copy" {
  export { WebSocket, WebSocketServer } from "ws";
}
declare module "ws-7" {
  export { WebSocketServer as Server } from "ws";
}
