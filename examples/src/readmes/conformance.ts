import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { connect } from "@wsession/client";
import { testAdapter, testClient } from "@wsession/conformance";
import { mapStore } from "@wsession/core";
import { WebSocket } from "ws";
import type { WebSocketServer } from "ws";
import { listen, portOf } from "../client.ts";

/** Stand in for a store, an adapter and a client of the reader's own. */
const myStore = mapStore;
const startServer = async () => (await listen()).server;

async function closed(server: WebSocketServer): Promise<void> {
  server.close();
  await once(server, "close");
}

// #region store
import { testStore } from "@wsession/conformance";
import { vi } from "vitest";

testStore("myStore", {
  capabilities: { resumable: true, shared: false, values: "any", outbox: true },
  commits: true, // the store has the optional methods of transactions, presence and lifetimes
  presence: true,
  lifetimes: true,
  tickMs: 1_000, // the unit of the suite's deadlines; 100 without a fake clock
  open() {
    vi.useFakeTimers();
    const store = myStore();
    return {
      store: () => store, // called again for a second process, if `shared` is true
      pass: (ms) => void vi.advanceTimersByTime(ms), // or wait, if a server has the time
      close: () => void vi.useRealTimers(),
    };
  },
});
// #endregion

/** Declares the suites of an adapter and a client. */
export function others(): void {
  // #region adapter
  testAdapter("my runtime", {
    runtime: "ws",
    pauses: true, // the runtime can stop reading a socket
    keepsEagerFrames: true, // the runtime keeps frames that came with the upgrade request
    async listen(sessions, handlers) {
      const server = await startServer();
      const binding = bindSessions(server, sessions, handlers);
      return { port: portOf(server), binding, close: () => closed(server) };
    },
  });
  // #endregion
  // #region client
  testClient("my client", { connect: (url, options) => connect(url, { ...options, WebSocket }) });
  // #endregion
}
