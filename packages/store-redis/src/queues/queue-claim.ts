import type { Calls } from "../connection/calls.ts";

/** A process that moves entries from a queue to its own claims the queue, because two processes would do the same work. */
export interface Claimer {
  readonly calls: Calls;
  /** The name of this process. */
  readonly node: string;
  readonly leaseMs: number;
}

/** Whether this process has the claim, from now on for another lease. Call it before each page. */
export async function renewClaim({ calls, node, leaseMs }: Claimer, claim: string): Promise<boolean> {
  const claimed = await calls.command("set", [claim, node, "NX", "PX", String(leaseMs)]);
  if (claimed === "OK") return true;
  // This process may have claimed the queue before, or the reply of an earlier attempt was lost.
  if ((await calls.command("get", [claim])) !== node) return false;
  await calls.command("pexpire", [claim, String(leaseMs)]);
  return true;
}

/** Ends the claim, unless it has expired and another process has claimed the queue. */
export async function endClaim({ calls, node }: Claimer, claim: string): Promise<void> {
  if ((await calls.command("get", [claim])) === node) await calls.command("del", [claim]);
}
