import { expect, test } from "vitest";
import { FrameReader, maskedFrame, Opcode } from "../dist/kit/frames.js";

function frame(opcode: number, payload: string): Buffer {
  const bytes = Buffer.from(payload);
  const header =
    bytes.length < 126
      ? Buffer.from([0x80 | opcode, bytes.length])
      : Buffer.from([0x80 | opcode, 126, bytes.length >> 8, bytes.length & 255]);
  return Buffer.concat([header, bytes]);
}

test.for([true, false])(
  "frames are found wherever the chunks are cut (with payloads: %s)",
  (wantsPayloads) => {
    const sent = [frame(Opcode.Text, "one"), frame(Opcode.Ping, ""), frame(Opcode.Text, "x".repeat(300))];
    const bytes = Buffer.concat(sent);
    for (let size = 1; size <= bytes.length; size += 1) {
      const observed: [number, string | undefined][] = [];
      const reader = new FrameReader({
        wantsPayloads,
        frame: (opcode, payload) => observed.push([opcode, payload?.toString()]),
      });
      for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
      const text = (payload: string) => (wantsPayloads ? payload : undefined);
      expect(observed).toEqual([
        [Opcode.Text, text("one")],
        [Opcode.Ping, ""],
        [Opcode.Text, text("x".repeat(300))],
      ]);
    }
  },
);

test("a client's frame is masked", () => {
  const bytes = maskedFrame(Opcode.Text, Buffer.from("hello"));
  const mask = bytes.subarray(2, 6);
  const payload = bytes.subarray(6).map((byte, index) => byte ^ mask[index % 4]!);
  expect([bytes[0], bytes[1], Buffer.from(payload).toString()]).toEqual([0x81, 0x85, "hello"]);
});
