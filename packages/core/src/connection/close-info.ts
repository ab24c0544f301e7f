import type { CloseInfo } from "../api/contract.ts";
import { UNCLEAN } from "../base/close-codes.ts";

/** This side ended the socket without a close frame. */
export const TERMINATED: CloseInfo = { code: UNCLEAN, reason: "", by: "server" };

/** The end of a socket that this side did not end. `by` is given where the adapter has more information than the code shows. */
export function endOfSocket(code: number, reason: string, by: CloseInfo["by"] | undefined): CloseInfo {
  // Without a close frame the reason is a text of the runtime's own, which differs between runtimes.
  return code === UNCLEAN ? { code, reason: "", by: by ?? "network" } : { code, reason, by: by ?? "peer" };
}

/** The error of a peer that broke the WebSocket protocol, where the runtime gives only a text; `undefined` for another end. */
export function protocolErrorOf(
  code: number,
  reason: string,
  by: CloseInfo["by"] | undefined,
): Error | undefined {
  if (code !== UNCLEAN || by !== "server" || reason === "") return undefined;
  return new Error(`the client broke the WebSocket protocol: ${reason}`);
}
