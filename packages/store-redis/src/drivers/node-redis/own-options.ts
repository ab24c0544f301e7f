import type { Address, ClientOptions, ServerRedis, SocketOptions } from "./shapes.ts";

/** Clients whose socket is not connected yet. */
const unconnected = new WeakSet<ServerRedis>();

/**
 * Creates a client for one connection, with the options of `given`. It neither reconnects nor queues commands, because otherwise
 * a command could run long after its caller got the error that it did not run. Its replies are those of RESP 2 without a type
 * mapping, whatever the application's client has.
 */
export function ownClient(given: ServerRedis, handshakeMs: number, at?: Address): ServerRedis {
  const { name, socket = {} }: ClientOptions = given.options ?? {};
  const connectTimeout = Math.min(socket.connectTimeout ?? handshakeMs, handshakeMs);
  const ownSocket: SocketOptions = {
    ...socket,
    ...(at === undefined ? {} : { ...at, path: undefined }),
    connectTimeout,
    reconnectStrategy: false,
    // A subscription may be silent for a long time.
    socketTimeout: undefined,
  };
  if (ownSocket["path"] === undefined) Reflect.deleteProperty(ownSocket, "path");
  const own = given.duplicate({
    RESP: 2,
    // The options have the parts of the URL already, and the URL would override the address.
    url: undefined,
    socket: ownSocket,
    clientSideCache: undefined,
    commandOptions: { timeout: undefined },
    commandsQueueMaxLength: undefined,
    // An ACL would have to permit CLIENT SETINFO.
    disableClientInfo: true,
    disableOfflineQueue: true,
    emitInvalidate: undefined,
    keyPrefix: undefined,
    // Needs RESP 3.
    maintNotifications: "disabled",
    name: name === undefined ? "wsession" : `${name}:wsession`,
    pingInterval: undefined,
    readonly: false,
  });
  unconnected.add(own);
  own.on("connect", () => void unconnected.delete(own));
  return own;
}

/** The application's own delay before the next attempt, if it has one; `undefined` if not. */
export function givenPause(given: ServerRedis, times: number): number | undefined {
  const strategy = given.options?.socket?.reconnectStrategy;
  const pause: unknown =
    typeof strategy === "function" ? strategy(times, new Error("the connection was lost")) : strategy;
  return typeof pause === "number" ? pause : undefined;
}

/**
 * Closes a client of `ownClient`. node-redis 5 can't close a socket that is not connected yet, and a second `destroy` throws. So such
 * a client is closed after its socket has connected. Otherwise the connection would stay open for ever.
 */
export function destroyClient(client: ServerRedis): void {
  // One turn after `connect` the client has queued the commands of its handshake, and `destroy` rejects them. Otherwise its `connect()`
  // would never settle.
  if (client.isOpen && unconnected.has(client)) client.on("connect", () => setImmediate(destroyNow, client));
  else destroyNow(client);
}

function destroyNow(client: ServerRedis): void {
  try {
    client.destroy();
  } catch {
    // The client was closed. node-redis throws then.
  }
}
