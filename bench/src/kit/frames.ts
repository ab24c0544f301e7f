import { randomBytes } from "node:crypto";

export const Opcode = { Text: 1, Close: 8, Ping: 9, Pong: 10 } as const;

/** A masked frame, as clients send it. */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  if (payload.length > 125) throw new Error("a load message has at most 125 bytes");
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]);
}

export interface FrameVisitor {
  /** `payload` is passed only if the visitor asks for payloads. It is valid only during the call. */
  frame(opcode: number, payload: Buffer | undefined): void;
  readonly wantsPayloads: boolean;
}

/** Finds the frames in the data of a server. Parses only headers, unless payloads are requested. */
export class FrameReader {
  readonly #visitor: FrameVisitor;
  #rest: Buffer | undefined;
  /** The remaining bytes of the current payload, and its opcode. */
  #skip = 0;
  #opcode = 0;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, bytes.length - at);
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0) this.#visitor.frame(this.#opcode, undefined);
        continue;
      }
      const short = bytes.length - at < 2 ? undefined : (bytes[at + 1] ?? 0) & 127;
      const header = short === undefined ? 2 : short < 126 ? 2 : short === 126 ? 4 : 10;
      if (short === undefined || bytes.length - at < header) break;
      const opcode = (bytes[at] ?? 0) & 15;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      if (this.#visitor.wantsPayloads || length === 0) {
        if (bytes.length - at < header + length) break;
        this.#visitor.frame(opcode, bytes.subarray(at + header, at + header + length));
        at += header + length;
      } else {
        at += header;
        this.#opcode = opcode;
        this.#skip = length;
      }
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}
