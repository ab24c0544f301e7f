import * as fc from "fast-check";
import { expect, test } from "vitest";
import { assertClose, clipReason, CloseCode, MAX_REASON_BYTES } from "../src/base/close-codes.ts";

const invalid = expect.objectContaining({ code: "INVALID_ARGUMENT" });

test("RFC 6455 section 7.4 allows every code that this library sends, and each code of its own is 4000 + an HTTP status", () => {
  for (const code of Object.values(CloseCode)) expect(() => assertClose(code, "")).not.toThrow();
  expect(Object.values(CloseCode).toSorted((a, b) => a - b)).toEqual([
    1001, 1011, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4410, 4413, 4419, 4503,
  ]);
});

test("codes that an endpoint must not send throw INVALID_ARGUMENT", () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, 1e9, -1, 1000.5, NaN, Infinity]) {
    expect(() => assertClose(code, "")).toThrow(invalid);
  }
  for (const code of [1000, 1001, 1003, 1007, 1014, 3000, 4999])
    expect(() => assertClose(code, "")).not.toThrow();
});

test("a reason may have 123 bytes of UTF-8, as many as a control frame holds", () => {
  expect(() => assertClose(1000, "x".repeat(123))).not.toThrow();
  expect(() => assertClose(1000, "x".repeat(124))).toThrow(invalid);
  expect(() => assertClose(1000, `${"ü".repeat(61)}x`)).not.toThrow();
  expect(() => assertClose(1000, "ü".repeat(62))).toThrow(invalid);
});

test("clipReason cuts a reason at 123 bytes, between two characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200, size: "max" }), (reason) => {
      const clipped = clipReason(reason);
      expect(reason.startsWith(clipped)).toBe(true);
      expect(Buffer.byteLength(clipped)).toBeLessThanOrEqual(MAX_REASON_BYTES);
      if (clipped !== reason) {
        const [next = ""] = reason.slice(clipped.length);
        expect(Buffer.byteLength(clipped + next)).toBeGreaterThan(MAX_REASON_BYTES);
      }
    }),
  );
  expect(clipReason("🎈".repeat(40))).toBe("🎈".repeat(30));
});

test("clipReason returns a reason of at most 123 bytes unchanged", () => {
  for (const reason of ["x".repeat(123), `${"ü".repeat(61)}x`, "漢".repeat(41)])
    expect(clipReason(reason)).toBe(reason);
  expect(clipReason("x".repeat(124))).toBe("x".repeat(123));
  expect(clipReason("ü".repeat(62))).toBe("ü".repeat(61));
});
