// A peer in a process of its own, which answers pings however busy the server's process is: node peer.mjs <url>
import process from "node:process";
import { WebSocket } from "ws";

const socket = new WebSocket(process.argv[2] ?? "");
socket.on("open", () => process.send?.({ type: "open" }));
socket.on("message", (data) => process.send?.({ type: "message", data: String(data) }));
socket.on("close", (code) => process.send?.({ type: "close", code }));
socket.on("error", () => undefined);
process.on("message", (text) => socket.send(String(text)));
process.on("disconnect", () => process.exit());
