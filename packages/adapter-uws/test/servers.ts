import type { AdapterHarness, AdapterServer } from "@wsession/conformance";
import { bindSessions } from "@wsession/adapter-uws";
import type { BindOptions } from "@wsession/adapter-uws";
import uWS from "uWebSockets.js";
import type { ListenOptions, TemplatedApp } from "uWebSockets.js";

/**
 * Without this flag the runtime shares ports with other processes. The runtime exports it, but its types
 * declare only an enum.
 */
const { LIBUS_LISTEN_EXCLUSIVE_PORT: EXCLUSIVE } = uWS as unknown as {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: ListenOptions;
};

/** Listens on a free port that no other process on this machine shares. */
export async function listen(app: TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen(0, EXCLUSIVE, (token) => {
      if (token === false) reject(new Error("uWS could not listen"));
      else resolve(uWS.us_socket_local_port(token));
    });
  });
}

export function uwsHarness(options: BindOptions = {}): AdapterHarness {
  return {
    runtime: "uws",
    pauses: false,
    keepsEagerFrames: false,
    async listen(sessions, handlers): Promise<AdapterServer> {
      const app = uWS.App();
      const binding = bindSessions(app, "/*", sessions, handlers, options);
      const port = await listen(app);
      return { port, binding, close: () => void app.close() };
    },
  };
}
