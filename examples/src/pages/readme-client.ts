// The README's page. The one in packages/client/README.md is run.
declare function show(data: string | Uint8Array, replayed: boolean): void;

// #region client
import { connect } from "@wsession/client";

const client = connect("wss://app.example.com/live");
client.on("message", ({ data, replayed }) => show(data, replayed));
await client.send("a bid of 40"); // resolves when the server has handled it, also across lost connections
// #endregion
export { client };
