/** Presence for the application: `presenceOfSubject`, `watch`, and the option `events`. */
import type { PresenceReport } from "../api/sessions.ts";
import { SessionError } from "../base/errors.ts";
import { callDetached } from "../base/promises.ts";
import { isSessionId } from "../handshake/token.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type {
  PresenceEvent,
  SessionEvent,
  SessionEventType,
  SubjectPresence,
} from "../store/presence-contract.ts";

type Listener = (event: PresenceEvent) => unknown;

/** Connects the presence of the store with the application. */
export class Presence<Data extends object> {
  readonly #registry: SessionRegistry<Data>;
  /** The name of this process for sessions of a store that only this process has. */
  readonly #node: string;

  /** Throws NOT_SUPPORTED if the option `events` is given and the store has no events. */
  constructor(registry: SessionRegistry<Data>, node: string) {
    this.#registry = registry;
    this.#node = node;
    const { store, leaveAfterMs, recordsPresence, events } = registry.settings;
    const types = (["left", "expired", "destroyed"] as const).filter((type) => events[type] !== undefined);
    if (types.length > 0 && store.track === undefined) throw notSupported("events");
    store.track?.({
      leaveAfterMs,
      isAlways: recordsPresence,
      events: new Set(types),
      deliver: (type, event) => this.#deliver(type, event),
    });
  }

  async ofSession(id: string): Promise<PresenceReport> {
    if (!isSessionId(id)) return { connections: 0, nodes: [], missing: [] };
    const { store, calls } = this.#registry;
    const { nodes, missing } = await calls.ask(() => store.presence(id));
    if (store.capabilities.shared)
      return { connections: nodes.reduce((sum, node) => sum + node.connections, 0), nodes, missing };
    const connections = this.#registry.connectionCount(id);
    const here = { node: this.#node, connections };
    return { connections, nodes: connections > 0 ? [here] : [], missing };
  }

  async ofSubject(subject: string): Promise<SubjectPresence> {
    const { store, calls } = this.#registry;
    const { presenceOfSubject } = store;
    if (presenceOfSubject === undefined) throw notSupported("presence of subjects");
    const found = await calls.ask(() => presenceOfSubject.call(store, subject));
    if (store.capabilities.shared) return found;
    const nodes = [this.#node];
    const sessions = found.sessions.map((one) => ({ ...one, nodes: one.connections > 0 ? nodes : [] }));
    return { ...found, sessions };
  }

  async watch(subjects: readonly string[], listener: Listener, signal: AbortSignal): Promise<void> {
    const { store, calls } = this.#registry;
    const { watch } = store;
    if (watch === undefined) throw notSupported("watching of subjects");
    if (signal.aborted) return;
    // The store may report inside one of its calls, for example a resume. The application's code runs after the call, because
    // it may call the store itself (reentrancy). Microtasks keep the order.
    let reported = Promise.resolve();
    const failed = (error: unknown): void => this.#registry.report(error, { stage: "watch" });
    const report = (event: PresenceEvent): void => {
      reported = reported.then(() => {
        if (!signal.aborted) void callDetached(() => listener(event), failed);
      });
    };
    let stop: (() => void) | undefined;
    const aborted = (): void => stop?.();
    signal.addEventListener("abort", aborted, { once: true });
    try {
      stop = await calls.ask(() => watch.call(store, subjects, report));
    } catch (error) {
      signal.removeEventListener("abort", aborted);
      throw error;
    }
    if (signal.aborted) stop();
    await reported;
  }

  /**
   * Calls a function of `events`. The event counts as delivered once the function has settled, or after `handlerTimeoutMs`. A failure
   * is reported, also a later one.
   */
  async #deliver(type: SessionEventType, event: SessionEvent): Promise<void> {
    const { settings, deadlines } = this.#registry;
    const { events, handlerTimeoutMs } = settings;
    // Wait a microtask, so that the application's function does not run inside the store's call that caused the event.
    await undefined;
    await new Promise<void>((resolve) => {
      const late = deadlines.allow(handlerTimeoutMs, resolve);
      const handling = async (): Promise<unknown> => events[type]?.(event);
      handling()
        .catch((error: unknown) =>
          this.#registry.report(error, { stage: "event", sessionId: event.sessionId }),
        )
        .finally(() => {
          late.cancel();
          resolve();
        });
    });
  }
}

function notSupported(what: string): SessionError {
  return new SessionError(
    "NOT_SUPPORTED",
    `this store has no ${what}: use inConnectionStore(), mapStore() or redisStore()`,
  );
}
