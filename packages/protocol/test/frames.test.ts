import {
  leadOf,
  parseClientControl,
  parseKept,
  parseServerControl,
  payloadOf,
  ProtocolError,
  writeClientControl,
  writeCounted,
  writeKept,
  writePlain,
  writeServerControl,
} from "@wsession/protocol";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { frameOf, loadVectors, meaningOf } from "./vectors.ts";
import type { Vector } from "./vectors.ts";

const sides = [
  { side: "client", vectors: loadVectors("client-frames.json") },
  { side: "server", vectors: loadVectors("server-frames.json") },
] as const;

/** The frame that this library writes for what `frame` means. */
function written(side: "client" | "server", frame: string | Uint8Array): string | Uint8Array {
  const lead = String.fromCodePoint(leadOf(frame));
  if (lead === "-") return writePlain(payloadOf(frame));
  if (lead === "=") return side === "client" ? writeCounted(payloadOf(frame)) : writeKept(parseKept(frame));
  if (side === "client") {
    const control = parseClientControl(String(frame));
    return control.type === "unknown" ? frame : writeClientControl(control);
  }
  const control = parseServerControl(String(frame));
  return control.type === "unknown" ? frame : writeServerControl(control);
}

describe.each(sides)("frames of a $side", ({ side, vectors }) => {
  test.each(vectors.frames.map((vector) => [vector.text ?? vector.hex, vector] as const))(
    "%s is parsed to the vector's frame, and the frame is written as that text",
    (_, vector: Vector) => {
      const frame = frameOf(vector);
      expect(meaningOf(side, frame)).toEqual(vector.means ?? vector.reads);
      if (vector.means !== undefined) expect(written(side, frame)).toEqual(wire(frame));
    },
  );

  test.each(vectors.refused.map((vector) => [vector.why, vector] as const))(
    "refused: %s",
    (_, vector: Vector) => {
      expect(() => meaningOf(side, frameOf(vector))).toThrow(ProtocolError);
    },
  );

  test("any input is parsed, or refused with a ProtocolError that does not quote the input", () => {
    const secret = "correct-horse-battery-staple";
    const anyFrame = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.uint8Array(),
      fc
        .tuple(
          fc.constantFrom("a", "k", "h", "t", "b", "x", "!", ">", "@", "s", "f", "n", "g", "+", "?"),
          fc.json(),
        )
        .map(([name, body]) => `.${name}${body}`),
      fc.string().map((text) => `.a{"client":"${secret}","x":${JSON.stringify(text)}`),
    );
    fc.assert(
      fc.property(anyFrame, (frame) => {
        try {
          meaningOf(side, frame);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          expect(String(error)).not.toContain(secret);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("messages", () => {
  const messages = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array());

  test("are unchanged after writing and parsing: plain, counted and kept", () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (message, chain) => {
        expect(payloadOf(writePlain(message))).toEqual(wire(message));
        expect(payloadOf(writeCounted(message))).toEqual(wire(message));
        expect(parseKept(writeKept({ chain, message }))).toEqual({ chain, message: wire(message) });
      }),
    );
  });

  test("a control frame of a client has a bounded length", () => {
    const long = `.a{"v":1,"client":"AAAAAAAAAAAAAAAA","from":1,"known":0,"mark":0,"x":"${"y".repeat(1_024)}"}`;
    expect(() => parseClientControl(long)).toThrow(ProtocolError);
  });
});

test("frames are parsed in the same way if a page adds a property to Object.prototype", () => {
  const attach = '.a{"v":1,"client":"AAAAAAAAAAAAAAAA","from":1,"known":0,"mark":0}';
  const missed = '.x{"from":1,"to":2,"certain":true,"chain":"00001a"}';
  const parsed = () => JSON.stringify([parseClientControl(attach), parseServerControl(missed)]);
  const before = parsed();
  const added = { value: "of the page", enumerable: true, configurable: true, writable: true };
  // oxlint-disable-next-line eslint/no-extend-native -- as pages and old libraries do
  Object.defineProperty(Object.prototype, "added", added);
  onTestFinished(() => void Reflect.deleteProperty(Object.prototype, "added"));
  expect(parsed()).toBe(before);
});

/** Bytes are compared as bytes, whatever their class is. */
function wire(message: string | Uint8Array): string | Uint8Array {
  return typeof message === "string" ? message : new Uint8Array(message);
}
