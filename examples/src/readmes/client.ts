/** What the page shows. */
const shown: string[] = [];

// #region readme
import { connect } from "@wsession/client";

const client = connect("wss://app.example.com/live");
client.on("message", ({ data, replayed }) => show(data, replayed));
client.on("status", ({ status, retryInMs }) => showStatus(status, retryInMs));
await client.send(JSON.stringify({ bid: 40 })); // resolves when the server has handled it
// #endregion
export { client, shown };

function show(data: string | Uint8Array, replayed: boolean): void {
  shown.push(`${String(data)}${replayed ? " (kept)" : ""}`);
}

function showStatus(status: string, _retryInMs: number | undefined): void {
  shown.push(status);
}
