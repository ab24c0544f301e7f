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
  readonly remoteAddress: string;
  readonly isPaused: boolean;
  binaryType?: "nodebuffer" | "arraybuffer" | "uint8array" | "blob";
  /** The number of bytes, -1 for a message that waits, 0 for an empty message and for one that was dropped. */
  send(data: string | Bytes, compress?: boolean): number;
  ping(data?: string | Bytes): number;
  pong(data?: string | Bytes): number;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  cork(callback: () => void): void;
  getBufferedAmount(): number;
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  isSubscribed(topic: string): boolean;
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
  readonly maxPayloadLength?: number;
  readonly backpressureLimit?: number;
  readonly closeOnBackpressureLimit?: boolean;
  readonly idleTimeout?: number;
  readonly sendPings?: boolean;
  readonly publishToSelf?: boolean;
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
