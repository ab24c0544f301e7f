/**
 * The parts of Bun that the adapter uses, as structural types. The packages `bun-types` and `@types/bun` are not needed: they
 * declare globals that conflict with those of a project for Node.js.
 */

type Bytes = Uint8Array | ArrayBuffer;

/** A server's WebSocket (`ServerWebSocket` of Bun). */
export interface BunSocket {
  /** The value that `found` returned. It belongs to the application. */
  data: unknown;
  /** 1: open. 3: closed, or `close` was called. */
  readonly readyState: number;
  /** The address of the TCP peer. Behind a proxy, the address of the proxy. */
  readonly remoteAddress: string;
  /** Whether `pause` was called, and `resume` was not called since. */
  readonly isPaused: boolean;
  /** The type in which messages of bytes arrive. @default "nodebuffer" */
  binaryType?: "nodebuffer" | "arraybuffer" | "uint8array" | "blob";
  /** The number of bytes, -1 for a message that waits, 0 for an empty message and for one that was dropped. */
  send(data: string | Bytes, compress?: boolean): number;
  /** Sends a ping of at most 125 bytes. Returns a number as `send` does. */
  ping(data?: string | Bytes): number;
  /** Sends a pong of at most 125 bytes that no ping asked for. Returns a number as `send` does. */
  pong(data?: string | Bytes): number;
  /** Starts the closing handshake. @default 1000 */
  close(code?: number, reason?: string): void;
  /** Ends the TCP connection at once, without a close frame. */
  terminate(): void;
  /** Stops reading from the peer, until `resume`. */
  pause(): void;
  /** Reads from the peer again. */
  resume(): void;
  /** Collects all that `callback` sends, and passes it to the operating system in one write. `callback` runs at once. */
  cork(callback: () => void): void;
  /** How many sent bytes still wait in this process. */
  getBufferedAmount(): number;
  /** Subscribes to a topic of the server. Topics are the runtime's own: this library neither uses nor checks them. */
  subscribe(topic: string): unknown;
  /** Ends a subscription to a topic. */
  unsubscribe(topic: string): unknown;
  /** Whether this socket is subscribed to the topic. */
  isSubscribed(topic: string): boolean;
  /** Sends to the other subscribers of the topic, in this process. `maxBufferedBytes` does not count such messages. */
  publish(topic: string, data: string | Bytes, compress?: boolean): number;
}

/** The server that `Bun.serve` returns, and passes to `fetch`. */
export interface BunServer {
  /** False: the request is not a handshake, or its client has gone. */
  upgrade(
    request: Request,
    options: { readonly headers: [name: string, value: string][]; readonly data: unknown },
  ): boolean;
  /** `null` once the request was answered, or its client has gone. */
  requestIP(request: Request): { readonly address: string } | null;
}

/** A message of a peer. `binaryType` of the socket sets the type of bytes, a Buffer by default. */
export type BunMessage = string | Uint8Array | ArrayBuffer | Blob;

/** The settings of all WebSockets of a server. */
export interface BunWebSocketSettings {
  /** The longest message of a peer, bytes. A longer one ends the connection. @default 104857600 */
  readonly maxPayloadLength?: number;
  /** The most bytes that may wait to be sent to one peer; 0 for no limit. @default 0 */
  readonly backpressureLimit?: number;
  /** Whether a connection over `backpressureLimit` is closed. @default false */
  readonly closeOnBackpressureLimit?: boolean;
  /** Seconds without a byte after which a connection ends, at most 960; 0 for never. The default depends on `heartbeatMs`. */
  readonly idleTimeout?: number;
  /** Whether the runtime itself pings idle peers. The adapter sets the value. */
  readonly sendPings?: boolean;
  /** Whether `publish` also sends to the socket that publishes. @default false */
  readonly publishToSelf?: boolean;
  /** Whether messages may be compressed, or the compressor of each direction. @default false */
  readonly perMessageDeflate?: boolean | Readonly<Record<"compress" | "decompress", BunCompressor>>;
}

/** A compressor, or a decompressor, of Bun. */
export type BunCompressor =
  | boolean
  | "disable"
  | "shared"
  | "dedicated"
  | "3KB"
  | "4KB"
  | "8KB"
  | "16KB"
  | "32KB"
  | "64KB"
  | "128KB"
  | "256KB";
