import type { AdapterHarness, AdapterServer } from "@wsession/conformance";
import { bindSessions } from "@wsession/adapter-uws";
import type { BindOptions } from "@wsession/adapter-uws";
import uWS from "uWebSockets.js";
import type { TemplatedApp } from "uWebSockets.js";

/** Listens on a free port of 127.0.0.1. */
export async function listen(app: TemplatedApp): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen("127.0.0.1", 0, (token) => {
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
