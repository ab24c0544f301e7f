import { admitHandshake } from "../admission/admit.ts";
import { refused } from "../admission/resolved.ts";
import type { Refused } from "../admission/resolved.ts";
import { CloseCode } from "../base/close-codes.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { Admitted } from "../session/admitted.ts";
import type { SessionRegistry } from "../session/registry.ts";

/** The handshakes of one server that are being decided, with their time limit. */
export class PendingHandshakes<Data extends object> {
  readonly #registry: SessionRegistry<Data>;
  /** Each function refuses one handshake at once. */
  readonly #refusals = new Set<(refusal: "busy" | "closing", reason: string) => void>();

  constructor(registry: SessionRegistry<Data>) {
    this.#registry = registry;
  }

  /**
   * Decides on a handshake. Refuses it if the decision takes longer than `handshakeTimeoutMs`, or if the shutdown comes first. A
   * session that `admitHandshake` still returns after that is released.
   */
  decide(handshake: Handshake, found: unknown, isFramed: boolean): Promise<Admitted<Data> | Refused> {
    const registry = this.#registry;
    const { handshakeTimeoutMs } = registry.settings;
    const decision = registry.pending.begin();
    decision.isActivity = !isFramed;
    return new Promise((resolve) => {
      const refuse = (refusal: "busy" | "closing", reason: string) => {
        deadline?.cancel();
        this.#refusals.delete(refuse);
        // From here on no session is created or resumed for the handshake.
        decision.end({ code: CloseCode.Restarting, reason });
        resolve(refused(refusal, 503, reason));
      };
      const deadline =
        handshakeTimeoutMs === Infinity
          ? undefined
          : registry.deadlines.allow(handshakeTimeoutMs, () => refuse("busy", "admission took too long"));
      this.#refusals.add(refuse);
      void admitHandshake(registry, handshake, found, decision).then((outcome) => {
        deadline?.cancel();
        if (this.#refusals.delete(refuse)) resolve(outcome);
        else if (outcome.type === "admitted") outcome.release();
      });
    });
  }

  /** Refuses all, because the server is closing. */
  refuseAll(reason: string): void {
    for (const refuse of this.#refusals) refuse("closing", reason);
  }
}
