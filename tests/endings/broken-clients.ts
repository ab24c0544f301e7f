/** Clients that break the protocol, or end without a close frame. */
import { deferred, frame, RawClient } from "@wsession/conformance";
import { onTestFinished } from "vitest";
import type { RuntimeName } from "../runtimes.ts";
import { initial, start } from "./setup.ts";

/** A client that breaks the protocol, and the code that the application's `close` handler gets. */
export const broken: Readonly<Record<string, (runtime: RuntimeName) => Promise<number>>> = {
  "1002 a frame with a reserved opcode": (runtime) => breaking(runtime, frame("x", { opcode: 3 })),
  "1002 a close frame of one byte": (runtime) => breaking(runtime, frame("x", { opcode: 8 })),
  "1007 text that is not UTF-8": (runtime) => breaking(runtime, frame(Buffer.from([0xff]), { opcode: 1 })),
  "1009 a message over the runtime's limit": (runtime) =>
    // 2 ** 40 bytes are announced.
    breaking(runtime, Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  "3000 a close frame with a code from 1012 to 3999": (runtime) =>
    breaking(runtime, frame(Buffer.from([0x0b, 0xb8]), { opcode: 8 })),
  "1006 a connection that ends without a close frame": (runtime) => breaking(runtime, undefined),
  "1005 a close frame without a code": (runtime) => breaking(runtime, frame("", { opcode: 8 })),
};

async function breaking(runtime: RuntimeName, bytes: Buffer | undefined): Promise<number> {
  const ended = deferred<number>();
  const setting = await start(runtime, { initial }, { close: (_, { code }) => ended.resolve(code) });
  const raw = new RawClient(setting.port);
  onTestFinished(() => raw.destroy());
  raw.upgrade();
  await raw.response;
  if (bytes === undefined) raw.destroy();
  else raw.write(bytes);
  return ended.promise;
}
