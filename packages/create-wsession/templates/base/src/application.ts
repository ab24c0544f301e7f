/** The application: the store, the sessions and the server, started and stopped in order. */
import { routesOf } from "./routes.ts";
import { listen } from "./server.ts";
import { createAppSessions } from "./sessions.ts";
import { openStore } from "./store.ts";

export interface Application {
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts the application. With port 0 the operating system chooses a free port. */
export async function start(port: number): Promise<Application> {
  const { store, close } = openStore();
  const sessions = createAppSessions(store);
  const server = await listen(port, routesOf(sessions), sessions);
  return {
    port: server.port,
    async stop() {
      // Closes the connections with 1012, and waits for their writes. Clients come back to the next process.
      await sessions.close();
      await server.close();
      await close();
    },
  };
}
