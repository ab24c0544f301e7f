/** The answer of `sessions.health()`, within a time limit, whatever the store does. */
import { setImmediate } from "node:timers";
import type { Health } from "../api/health.ts";
import type { EventLoopDelay } from "../base/event-loop-delay.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { StoreHealth } from "../store/health-contract.ts";

/** Milliseconds. Probes of Kubernetes wait one second by default. */
const LIMIT_MS = 500;
/** Milliseconds that the store gets, so that its own answer arrives within the limit. */
const STORE_LIMIT_MS = 400;

const UNKNOWN: StoreHealth = {
  ok: false,
  role: undefined,
  latencyMs: undefined,
  subscription: undefined,
  lease: undefined,
};

/** Never rejects. */
export async function healthOf<Data extends object>(
  registry: SessionRegistry<Data>,
  connections: { readonly size: number },
  loop: EventLoopDelay,
): Promise<Health> {
  const [store, eventLoopDelayMs] = await Promise.all([healthOfStore(registry), loop.longestMs()]);
  const closing = registry.isClosing;
  return { ok: store.ok && !closing, store, connections: connections.size, eventLoopDelayMs, closing };
}

async function healthOfStore<Data extends object>({
  store,
  calls,
  reports,
}: SessionRegistry<Data>): Promise<StoreHealth> {
  if (calls.isClosed) return UNKNOWN;
  if (store.health === undefined) return { ...UNKNOWN, ok: !reports.isStoreFailing };
  try {
    // Not counted as a call of the store, because otherwise a store that does not settle would keep `close()` waiting.
    return healthIn(await withinLimit(Promise.resolve(store.health(STORE_LIMIT_MS))));
  } catch {
    return UNKNOWN;
  }
}

/** A store without types may answer anything. An answer that is not a StoreHealth counts as the health of a store that fails. */
function healthIn(answer: unknown): StoreHealth {
  if (typeof answer !== "object" || answer === null) return UNKNOWN;
  const { ok, role, latencyMs, subscription, lease }: Partial<Record<keyof StoreHealth, unknown>> = answer;
  return {
    ok: ok === true,
    role: role === "primary" || role === "replica" ? role : undefined,
    latencyMs: typeof latencyMs === "number" ? latencyMs : undefined,
    subscription: typeof subscription === "boolean" ? subscription : undefined,
    lease: typeof lease === "boolean" ? lease : undefined,
  };
}

/** Rejects after the limit. The timer does not keep the process alive. */
function withinLimit<Result>(answer: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    // Node runs timers before it reads sockets, so after a stall of the process the data that has arrived is read first.
    const timer = setTimeout(() => setImmediate(() => setImmediate(reject)), LIMIT_MS).unref();
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
