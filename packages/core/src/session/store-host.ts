import { endingOf, EXPIRED } from "../base/endings.ts";
import { SessionError } from "../base/errors.ts";
import { publishDestroyed } from "../base/telemetry.ts";
import type { HeldSession, StoreEvent, StoreHost } from "../store/contract.ts";
import type { LifetimeWatch } from "./lifetimes.ts";
import type { LocalSession, SessionContext } from "./local-session.ts";
import { applyStoreEvent } from "./store-events.ts";
import type { SessionTable } from "./table.ts";

/** The `StoreHost` of this process: gives a store access to the sessions that have a live connection here. */
export class SessionHost<Data extends object> implements StoreHost {
  readonly #context: SessionContext<Data>;
  readonly #table: SessionTable<Data>;
  readonly #lifetimes: LifetimeWatch<Data>;

  constructor(context: SessionContext<Data>, table: SessionTable<Data>, lifetimes: LifetimeWatch<Data>) {
    this.#context = context;
    this.#table = table;
    this.#lifetimes = lifetimes;
  }

  held(id: string): HeldSession | undefined {
    const state = this.#table.findHeld(id);
    if (state === undefined || state.isGone) return undefined;
    const { version, lineage, data, subject, fence } = state;
    const { schemaVersion } = this.#context.settings;
    const left = this.#lifetimes.left(state);
    if (left.idleInMs <= 0 || left.absoluteInMs <= 0) return undefined;
    const connections = state.connectionCount;
    const outbox = this.#context.outboxes.peek(state)?.end;
    return { version, lineage, data, subject, fence, schemaVersion, ...left, connections, outbox };
  }

  heldIds(): Iterable<string> {
    return this.#table.heldIds();
  }

  notify(event: StoreEvent): number {
    const { pending, changes } = this.#context;
    if (event.type === "destroyed") pending.endSession(event.id, endingOf(event));
    else if (event.type === "expired") pending.endSession(event.id, EXPIRED);
    const state = this.#table.findConnected(event.id);
    if (state === undefined) return 0;
    if (event.type === "expired") this.#checkDeadline(state);
    if (event.type === "destroyed" && event.replaced === true && !state.isGone)
      publishDestroyed([event.id], "limit");
    const ended = applyStoreEvent(state, event);
    changes.flush();
    return ended;
  }

  onError(error: unknown): void {
    this.#context.report(error, { stage: "store" });
  }

  /** Reports and counts a loss if a session is gone long before its deadline, because then the store has lost the session. */
  #checkDeadline(state: LocalSession<Data>): void {
    if (state.isGone || this.#lifetimes.isDue(state)) return;
    const { idleInMs, absoluteInMs } = this.#lifetimes.left(state);
    const { diagnostics } = this.#context;
    const leftMs = Math.min(idleInMs, absoluteInMs);
    diagnostics.storeLosses += 1;
    const when =
      leftMs === Infinity ? "though it never expires" : `${Math.round(leftMs)} ms before its deadline`;
    this.#context.report(new SessionError("SESSION_GONE", `the store lost a session ${when}`), {
      stage: "store",
      sessionId: state.id,
    });
  }
}
