/** Sessions that the application destroys. */
import type { Awaitable } from "@wsession/protocol";
import type { DestroyReport } from "../api/sessions.ts";
import { destroyedEnding } from "../base/endings.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import { isSessionId } from "../handshake/token.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { StoreDestroyResult } from "../store/contract.ts";

/** Adds the connections that core itself ended to the store's result. */
async function withClosed(
  destroying: Awaitable<StoreDestroyResult>,
  ended: number,
): Promise<StoreDestroyResult> {
  const result = await destroying;
  return { ...result, closed: result.closed + ended };
}

/** Destroys one session, or all sessions of a subject, and ends their connections in this process. */
export class Destructions<Data extends object> {
  readonly #registry: SessionRegistry<Data>;

  constructor(registry: SessionRegistry<Data>) {
    this.#registry = registry;
  }

  async one(id: string, reason: string | undefined): Promise<DestroyReport> {
    if (!isSessionId(id)) return { destroyed: 0, closed: 0, unreachable: [] };
    const { calls, store } = this.#registry;
    return this.#report(await calls.ask(() => store.destroy(id, reason, true)), [id], reason);
  }

  async ofSubject(subject: string, reason: string | undefined): Promise<DestroyReport> {
    const result = await this.#registry.calls.ask(() => {
      // End the pending decisions before the call of the store. A decision that begins later is newer than the destruction.
      const ended = this.#registry.pending.endSubject(subject, destroyedEnding(reason));
      return withClosed(this.#registry.store.destroySubject(subject, reason), ended);
    });
    return this.#report(result, result.destroyed, reason);
  }

  #report(result: StoreDestroyResult, ids: readonly string[], reason?: string): DestroyReport {
    publishDestroyed(result.destroyed, "call");
    let { closed } = result;
    for (const id of ids) closed += this.#registry.endSession(id, destroyedEnding(reason));
    return { destroyed: result.destroyed.length, closed, unreachable: result.unreachable };
  }
}
