// A TCP proxy before a Redis server that reads what passes: which commands were sent, and which reply belongs to which command.
import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import type { Address } from "./libraries.ts";
import { RespReader } from "./resp.ts";

export interface RedisProxy extends Address {
  /** How many commands clients have sent, on all connections together. */
  readonly sent: number;
  /**
   * Called with each command before the server gets it. Returns `true` to lose its reply: once the server has replied, that
   * connection is cut, and the client gets neither this reply nor a later one.
   */
  onCommand: (words: readonly string[]) => boolean;
  /** Cuts every connection now. */
  cut(): void;
  close(): Promise<void>;
}

export async function startRedisProxy({ host, port }: Address): Promise<RedisProxy> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => join(client)).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  let sent = 0;
  const proxy: RedisProxy = {
    host: "127.0.0.1",
    port: address.port,
    get sent() {
      return sent;
    },
    onCommand: () => false,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      proxy.cut();
      listener.close();
      await once(listener, "close");
    },
  };
  return proxy;

  function join(client: Socket): void {
    const server = connect(port, host);
    sockets.add(client);
    for (const socket of [client, server]) socket.setNoDelay(true).on("error", () => undefined);
    client.on("close", () => {
      sockets.delete(client);
      server.destroy();
    });
    server.on("close", () => client.destroy());
    /** For each command without a reply, whether its reply is lost. */
    const losses: boolean[] = [];
    const commands = new RespReader((value) => {
      sent += 1;
      losses.push(proxy.onCommand(Array.isArray(value) ? value.map(String) : []));
    });
    const replies = new RespReader((_value, bytes) => {
      if (losses.shift() === true) client.destroy();
      else if (!client.destroyed) client.write(bytes);
    });
    let isSubscribed = false;
    client.on("data", (data) => {
      // A subscription has more replies than commands, and none of them is lost here.
      isSubscribed ||= /\r\ns?subscribe\r\n/i.test(data.toString("latin1"));
      commands.push(data);
      server.write(data);
    });
    server.on("data", (data) => {
      if (isSubscribed) client.write(data);
      else replies.push(data);
    });
  }
}
