import { Load, MESSAGE } from "./load.ts";
import { openMany, RawConnection } from "./raw-connection.ts";
import { ServerProcess } from "./server-process.ts";

/** Opens a client of the server called `name`, ready for load. */
export async function openClient(name: string, port: number): Promise<RawConnection> {
  if (name !== "socketio") return RawConnection.open({ port });
  const path = "/socket.io/?EIO=4&transport=websocket";
  let connection: RawConnection | undefined;
  await new Promise<void>((resolve, reject) => {
    const prepare = (raw: RawConnection): void => {
      connection = raw;
      raw.wantsPayloads = true;
      // The server sends the transport's handshake (0), and answers the namespace's handshake (40) with a 40.
      raw.onMessage = (payload) => {
        const packet = payload?.toString() ?? "";
        if (packet.startsWith("0")) raw.send("40");
        else if (packet.startsWith("40")) resolve();
      };
    };
    RawConnection.open({ port, path }, prepare).catch(reject);
  });
  if (connection === undefined) throw new Error("no connection");
  return connection;
}

/** The text on the wire for one echo. */
export function messageFor(name: string): string {
  return name === "socketio" ? `42["message",${JSON.stringify(MESSAGE)}]` : MESSAGE;
}

/** A server process and its load. */
export interface LoadedServer {
  readonly server: ServerProcess;
  readonly load: Load;
  stop(): Promise<void>;
}

export async function startLoaded(
  name: string,
  connections: number,
  window: number,
  execArgv: readonly string[] = [],
): Promise<LoadedServer> {
  const server = await ServerProcess.start("echo", { args: [name], execArgv });
  const opened = await openMany(connections, () => openClient(name, server.port));
  const load = new Load(opened, { window, text: messageFor(name) });
  const stop = async (): Promise<void> => {
    load.close();
    await server.stop();
  };
  return { server, load, stop };
}
