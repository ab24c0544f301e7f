/** Sessions that the application destroys. */
import type { DestroyReport } from "../api/sessions.ts";
import { destroyedEnding } from "../base/endings.ts";
import { applied } from "../base/promises.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import { isSessionId } from "../handshake/token.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { StoreDestroyResult } from "../store/contract.ts";

/** Destroys one session, or all sessions of a subject, and ends their connections in this process. */
export class Destructions<Data extends object> {
  readonly #registry: SessionRegistry<Data>;

  constructor(registry: SessionRegistry<Data>) {
    this.#registry = registry;
  }

  async one(id: string, reason: string | undefined): Promise<DestroyReport> {
    if (!isSessionId(id)) return { destroyed: 0, closed: 0, unreachable: [] };
    const { calls, store } = this.#registry;
    return calls.ask(() =>
      applied(store.destroy(id, reason, true), (result) => this.#report(result, [id], reason)),
    );
  }

  async ofSubject(subject: string, reason: string | undefined): Promise<DestroyReport> {
    const { calls, store, pending } = this.#registry;
    return calls.ask(() => {
      // End the pending decisions before the call of the store. A decision that begins later is newer than the destruction.
      const ended = pending.endSubject(subject, destroyedEnding(reason));
      return applied(store.destroySubject(subject, reason), (result) =>
        this.#report({ ...result, closed: result.closed + ended }, result.destroyed, reason),
      );
    });
  }

  #report(result: StoreDestroyResult, ids: readonly string[], reason?: string): DestroyReport {
    publishDestroyed(result.destroyed, "call");
    let { closed } = result;
    for (const id of ids) closed += this.#registry.endSession(id, destroyedEnding(reason));
    return { destroyed: result.destroyed.length, closed, unreachable: result.unreachable };
  }
}
