// Node's own WebSocket, as a client of either runtime: sends in the tick of its open, prints what it got, closes.
const [url = "", ...texts] = process.argv.slice(2);
const socket = new WebSocket(url, ["chat", "superchat"]);
socket.binaryType = "arraybuffer";
/** @type {string[]} */
const got = [];

socket.addEventListener("open", () => {
  for (const text of texts) socket.send(text);
  socket.send(new Uint8Array([1, 2, 3]));
});
socket.addEventListener("message", ({ data }) => {
  got.push(typeof data === "string" ? data : `bytes ${new Uint8Array(data)}`);
  if (got.length === texts.length + 1) socket.close(4321, "done");
});
socket.addEventListener("close", ({ code, reason, wasClean }) => {
  process.stdout.write(JSON.stringify({ got, protocol: socket.protocol, code, reason, wasClean }));
});
