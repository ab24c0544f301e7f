/** What `asWebSocket` promises, as cases that run against either runtime, and against broken variants. */
import type { AdapterCase } from "@wsession/conformance";
import { endingCases } from "./ending-cases.ts";
import { receivingCases } from "./receiving-cases.ts";
import { sendingCases } from "./sending-cases.ts";
import type { AsWebSocket } from "./setup.ts";

export function socketCases(asSocket: AsWebSocket): readonly AdapterCase[] {
  return [...receivingCases(asSocket), ...sendingCases(asSocket), ...endingCases(asSocket)];
}
