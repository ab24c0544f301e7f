/** One process: a ws server and a uWebSockets.js server on one map. */
import type { Server } from "node:http";
import process from "node:process";
import { mapStore } from "@wsession/core";
import { describeError, noUws } from "./demo.ts";
import type { Demo, Voice } from "./demo.ts";
import { visitorHandlers } from "./handlers.ts";
import type { Endpoint } from "./messages.ts";
import { HOST, listen, origins, pageServer } from "./page.ts";
import { countersInMemory } from "./plain.ts";
import type { PlainServing } from "./plain.ts";
import { presenceReporter } from "./presence.ts";
import { loadUws, serveWithUws } from "./server-uws.ts";
import type { UwsServer } from "./server-uws.ts";
import { serveWithWs } from "./server-ws.ts";
import { visitorSessions } from "./session.ts";

export async function startSingle(port: number, voice: Voice): Promise<Demo> {
  const endpoints: Endpoint[] = [];
  const server = pageServer("map", () => endpoints);
  const pagePort = await listen(server, port);
  const here = { process: 1, pid: process.pid };

  const sessions = visitorSessions({
    store: mapStore(),
    origins: origins(pagePort),
    onError: (error, { stage }) => voice.say(describeError(error, stage)),
  });
  const presence = presenceReporter(sessions, false, (error) => voice.say(describeError(error, "presence")));
  // One sessions object, one handlers object, two runtimes.
  const handlers = visitorHandlers({
    sessions,
    process: 1,
    isMortal: false,
    connectionsChanged: presence.report,
  });
  const plain: PlainServing = {
    origins: origins(pagePort),
    add: countersInMemory(),
    breakOff(id) {
      for (const connection of sessions.connections) if (connection.id === id) connection.terminate();
    },
  };

  const closePlain = serveWithWs(server, sessions, handlers, plain);
  endpoints.push({ runtime: "ws", name: "ws", port: pagePort, ...here });

  const uWS = await loadUws();
  let uws: UwsServer | undefined;
  if (typeof uWS === "string") {
    voice.say(noUws(uWS));
  } else {
    uws = await serveWithUws(uWS, HOST, port === 0 ? 0 : port + 1, sessions, handlers, plain);
    endpoints.push({ runtime: "uws", name: "uWebSockets.js", port: uws.port, ...here });
  }

  const servers = endpoints.map((endpoint) => `${endpoint.name} on port ${endpoint.port}`);
  return {
    url: `http://localhost:${pagePort}/`,
    summary: `One process: ${servers.join(" and ")}, one map of sessions.`,
    async close() {
      presence.stop();
      await sessions.close();
      closePlain();
      uws?.close();
      await closeServer(server);
    },
  };
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
