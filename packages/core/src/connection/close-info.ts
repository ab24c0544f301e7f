import type { CloseInfo } from "../api/contract.ts";
import { UNCLEAN } from "../base/close-codes.ts";

/** This side ended the socket without a close frame. */
export const TERMINATED: CloseInfo = { code: UNCLEAN, reason: "", by: "server" };

/** The end of a socket that this side did not end. `by` is given where the adapter has more information than the code shows. */
export function endOfSocket(code: number, reason: string, by: CloseInfo["by"] | undefined): CloseInfo {
  return { code, reason, by: by ?? (code === UNCLEAN ? "network" : "peer") };
}
