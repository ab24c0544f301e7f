/** Conversions between the data that a socket of ws accepts or emits, and the data of a connection. */
import { isAnyArrayBuffer } from "node:util/types";
import type { RawData, WebSocket } from "ws";

export type BinaryType = WebSocket["binaryType"] | "blob";

const BINARY_TYPES: ReadonlySet<unknown> = new Set(["nodebuffer", "arraybuffer", "fragments", "blob"]);

export function isBinaryType(type: unknown): type is BinaryType {
  return BINARY_TYPES.has(type);
}

/** A received binary message in the type that `binaryType` names. */
export function binaryOf(bytes: Uint8Array, type: BinaryType): RawData | Blob {
  const buffer = bufferOf(bytes);
  switch (type) {
    case "nodebuffer":
      return buffer;
    case "fragments":
      return [buffer];
    case "arraybuffer":
      return new Uint8Array(buffer).buffer;
    case "blob":
      return new Blob([new Uint8Array(buffer)]);
  }
}

/** The bytes as a Buffer on the same memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The bytes of any data that ws accepts: text, a number, bytes of any kind, or no data.
 *
 * @throws TypeError, as ws does, for data that `Buffer.from` refuses.
 */
export function bytesOf(data: unknown): Buffer {
  if (data === undefined || data === null) return Buffer.alloc(0);
  if (typeof data === "string" || typeof data === "number") return Buffer.from(String(data));
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (isAnyArrayBuffer(data)) return Buffer.from(data);
  if (Array.isArray(data)) return Buffer.from(data);
  throw new TypeError("a message must be a string, a number, a Buffer, an ArrayBuffer or a typed array");
}

/** Joins the fragments of a message that `send` gets with `fin: false`. */
export class Fragments {
  #begun: { readonly isBinary: boolean; readonly chunks: Buffer[] } | undefined = undefined;

  /** Returns the message that is to be sent now; `undefined` if a further fragment belongs to it. */
  add(data: unknown, binary: boolean, fin: boolean): string | Uint8Array | undefined {
    if (this.#begun === undefined && fin) {
      if (binary) return bytesOf(data);
      return typeof data === "string" ? data : bytesOf(data).toString();
    }
    const { isBinary, chunks } = (this.#begun ??= { isBinary: binary, chunks: [] });
    // Copied, because the application may reuse its buffer before the last fragment.
    chunks.push(Buffer.from(bytesOf(data)));
    if (!fin) return undefined;
    this.#begun = undefined;
    const whole = Buffer.concat(chunks);
    return isBinary ? whole : whole.toString();
  }
}
