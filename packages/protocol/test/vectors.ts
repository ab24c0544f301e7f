import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Lead,
  leadOf,
  parseClientControl,
  parseKept,
  parseServerControl,
  payloadOf,
  writeChain,
} from "@wsession/protocol";

/** A frame of a vector: text, or hexadecimal digits for a binary one. */
export interface Vector {
  readonly text?: string;
  readonly hex?: string;
  readonly means?: Record<string, unknown>;
  readonly reads?: Record<string, unknown>;
  readonly why?: string;
}

export interface Vectors {
  readonly frames: readonly Vector[];
  readonly refused: readonly Vector[];
}

export function loadVectors(name: string): Vectors {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../vectors", name), "utf8"));
}

export function frameOf({ text, hex }: Vector): string | Uint8Array {
  return text ?? Buffer.from(hex ?? "", "hex");
}

/** What a frame means, as vectors say it: chains as text, binary as hexadecimal digits, nothing that is undefined. */
export function meaningOf(side: "client" | "server", frame: string | Uint8Array): unknown {
  const lead = leadOf(frame);
  if (lead === Lead.Control)
    return plain((side === "client" ? parseClientControl : parseServerControl)(String(frame)));
  if (lead === Lead.Plain) return { type: "plain", ...contentOf(payloadOf(frame)) };
  if (side === "client") return { type: "counted", ...contentOf(payloadOf(frame)) };
  const { chain, message } = parseKept(frame);
  return { type: "kept", chain: writeChain(chain), ...contentOf(message) };
}

function contentOf(message: string | Uint8Array): { readonly text: string } | { readonly hex: string } {
  return typeof message === "string" ? { text: message } : { hex: Buffer.from(message).toString("hex") };
}

function plain(value: object): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, part: unknown) =>
      key === "chain" && typeof part === "number" ? writeChain(part) : part,
    ),
  );
}
