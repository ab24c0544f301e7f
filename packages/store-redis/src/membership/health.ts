import type { StoreHealth } from "@wsession/core";
import type { ProbeAnswer } from "../connection/health-probe.ts";
import { isReplicaRefusal } from "../connection/server-check.ts";
import type { Membership } from "./membership.ts";
import type { Services } from "../holders/services.ts";

/**
 * The health of the store: whether a call that is sent now is answered by a primary within `limitMs`, and whether this process may
 * register as a holder of sessions. Never rejects.
 */
export async function healthOf(
  services: Services,
  membership: Membership | undefined,
  limitMs: number,
): Promise<StoreHealth> {
  const answer = await answerOf(services, performance.now() + limitMs);
  const { subscription, lease } = membership?.health ?? NOT_ATTACHED;
  const isUsable = answer.latencyMs !== undefined && answer.role !== "replica";
  const ok = isUsable && subscription !== false && lease !== false;
  return { ok, role: answer.role, latencyMs: answer.latencyMs, subscription, lease };
}

/** A store that is not attached has neither a subscription nor a lease. */
const NOT_ATTACHED = { subscription: undefined, lease: undefined };

type Answer = Pick<ProbeAnswer, "role"> & { readonly latencyMs: number | undefined };

async function answerOf({ calls, availability, probe }: Services, deadline: number): Promise<Answer> {
  try {
    // A connection that was lost a moment ago may be back in time, as for any other call.
    await calls.ready(deadline);
  } catch (error) {
    // The store leaves a replica at once, and looks for the primary again.
    const isReplica = error instanceof Error && isReplicaRefusal(error.cause);
    return { role: isReplica ? "replica" : undefined, latencyMs: undefined };
  }
  try {
    const answer = await probe.ask(deadline);
    if (answer.role === "replica") availability.checkAgain();
    return answer;
  } catch {
    return { role: undefined, latencyMs: undefined };
  }
}
