import { Client } from "@wsession/conformance";
import type { AdapterHarness, AdapterServer, ClientOptions } from "@wsession/conformance";
import type { Handlers, Sessions } from "@wsession/core";
import { onTestFinished } from "vitest";
import { wsHarness } from "../packages/adapter-ws/test/servers.ts";

export type RuntimeName = "ws" | "uws";

/** uWebSockets.js has no binary for Node.js 26, and its import fails there. */
const hasUws = Number(process.versions.node.split(".")[0]) < 26;

export const runtimeNames: readonly RuntimeName[] = hasUws ? ["ws", "uws"] : ["ws"];

const harnesses: Readonly<Partial<Record<RuntimeName, AdapterHarness>>> = {
  ws: wsHarness("port"),
  ...(hasUws ? { uws: (await import("../packages/adapter-uws/test/servers.ts")).uwsHarness() } : {}),
};

/** Starts a server of this runtime, bound to the sessions. It is closed when the test ends. */
export async function serve<Data extends object, Transport, Unset extends undefined>(
  runtime: RuntimeName,
  sessions: Sessions<Data, Transport, Unset>,
  handlers: NoInfer<Handlers<Data, Transport, Unset>> = {},
): Promise<AdapterServer> {
  const harness = harnesses[runtime];
  if (harness === undefined) throw new Error(`${runtime} does not run on Node.js ${process.version}`);
  const server = await harness.listen(sessions, handlers);
  onTestFinished(async () => {
    await sessions.close();
    await server.close();
  });
  return server;
}

/** Connects a client of `ws`. It is closed when the test ends. */
export async function connect(
  { port }: { readonly port: number },
  path = "/",
  options: ClientOptions = {},
): Promise<Client> {
  const client = await Client.connect(`ws://127.0.0.1:${port}${path}`, options);
  onTestFinished(() => client.socket.terminate());
  return client;
}
