import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { readGreeting } from "../kit/greeting.ts";

/** A client that loses its connection, and then recovers its state. */
export interface Client {
  /** Ends the TCP connection without a closing handshake. */
  drop(): Promise<void>;
  /** Milliseconds from the attempt until the state has arrived. Rejects if the state is another one. */
  comeBack(): Promise<number>;
  close(): void;
}

export async function wsessionClient(port: number, number: number): Promise<Client> {
  const url = `ws://127.0.0.1:${port}/user-${number}/${number}`;
  let socket: WebSocket;
  const open = (address: string): Promise<string> =>
    new Promise((resolve, reject) => {
      socket = new WebSocket(address, { perMessageDeflate: false });
      socket.once("message", (text: Buffer) => resolve(text.toString()));
      socket.once("error", reject);
    });
  const first = readGreeting(await open(url));
  return {
    drop: () =>
      new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN)
          reject(new Error("the client had lost its connection before drop()"));
        socket.once("close", () => resolve());
        socket.terminate();
      }),
    async comeBack() {
      const startedAt = performance.now();
      const again = readGreeting(await open(`${url}?token=${first.token}`));
      const ms = performance.now() - startedAt;
      if (!again.resumed || again.visits !== first.visits)
        throw new Error("the client came back to another state");
      return ms;
    },
    close: () => socket.terminate(),
  };
}

export async function socketioClient(port: number): Promise<Client> {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
  });
  const greeted = (): Promise<{ resumed: boolean; visits: number }> =>
    new Promise((resolve, reject) => {
      socket.once("greeting", resolve);
      socket.once("connect_error", reject);
    });
  const first = await greeted();
  return {
    drop: () =>
      new Promise((resolve) => {
        socket.once("disconnect", () => resolve());
        socket.io.engine.close();
      }),
    async comeBack() {
      const startedAt = performance.now();
      const greeting = greeted();
      socket.connect();
      const again = await greeting;
      const ms = performance.now() - startedAt;
      if (!again.resumed || again.visits !== first.visits)
        throw new Error("the client came back to another state");
      return ms;
    },
    close: () => socket.close(),
  };
}
