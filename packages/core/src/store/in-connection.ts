import { isOwnedByAnother } from "./map-entry.ts";
import { extended } from "./extended.ts";
import { applyChange, readData } from "./change.ts";
import { assertNone } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { LocalPresence } from "./local-presence.ts";
import type { LocalHolding } from "./local-presence.ts";
import { healthInProcess } from "./health-contract.ts";
import { SubjectIndex } from "./subject-index.ts";
import type { Login } from "./subject-index.ts";
import type { HeldSession, SessionStore, StoreHost, WriteRequest, WriteResult } from "./contract.ts";

const NOTHING_DESTROYED = { destroyed: [], closed: 0, unreachable: [] } as const;

/**
 * A store that keeps each session on its connection, and nothing after the connection has ended. The store has no records of its
 * own. It finds a session by id among the live connections of its host. Core applies the store's answer in the same tick, so
 * writes are atomic.
 *
 * Sessions can't be resumed. Their data may have any values, serialisable or not. One store serves one `createSessions`.
 *
 * @throws INVALID_ARGUMENT for an argument: the store has no options.
 */
export function inConnectionStore(): SessionStore;
export function inConnectionStore(surplus?: undefined): SessionStore {
  assertNone("inConnectionStore()", surplus);
  let host: StoreHost | undefined;

  const held = (id: string) => host?.held(id);
  const presence = new LocalPresence(() => holdings(host));
  const index = new SubjectIndex({
    store: "inConnectionStore",
    all: () => holdings(host),
    isLive: (id) => held(id) !== undefined,
  });

  /** Records a login, and the end of the sessions that made room for it. Returns the part of the answer that lists them. */
  function recordLogin({ id, subject }: Login, ended: readonly string[]): { ended?: readonly string[] } {
    if (subject === undefined) return {};
    for (const other of ended) {
      presence.ended(other, "destroyed", subject);
      index.ended(other);
    }
    index.loggedIn(id, subject);
    return ended.length > 0 ? { ended } : {};
  }

  function recordDestroyed(id: string, session: HeldSession | undefined): void {
    // The close handler can destroy a session whose connection has ended. That session has left, and a second event would follow.
    if (session !== undefined && session.connections > 0) presence.ended(id, "destroyed", session.subject);
  }

  function write(request: WriteRequest): WriteResult {
    const session = held(request.id);
    if (session === undefined) return { type: "missing" };
    if (request.fence !== undefined && request.fence < session.fence) return { type: "fenced" };
    if (request.expect !== undefined && request.expect !== session.version)
      return { type: "conflict", session };
    const version = session.version + 1;
    if (version === request.known + 1) return { type: "written", version, session: undefined };
    const data = readData(() => applyChange(session.data, request.change));
    return { type: "written", version, session: { ...session, version, data } };
  }

  return {
    capabilities: { resumable: false, shared: false, values: "any" },
    attach(given) {
      if (host !== undefined)
        throw invalidArgument(
          "this inConnectionStore() belongs to other sessions already: create one store for each createSessions",
        );
      host = given;
    },
    create(request) {
      if (held(request.id) !== undefined) return { type: "exists" };
      const ended = index.endedBy(request);
      if (ended === undefined) return { type: "crowded" };
      presence.connected(request.id, request.subject);
      return {
        ...recordLogin(request, ended),
        type: "created",
        session: {
          version: 1,
          data: request.data,
          subject: request.subject,
          fence: request.exclusive ? 1 : 0,
          schemaVersion: request.schemaVersion,
          idleInMs: request.idleMs,
          absoluteInMs: request.absoluteMs,
          own: request.own,
        },
      };
    },
    resume: () => ({ type: "missing" }),
    load: held,
    write,
    touch: (id) => held(id) !== undefined,
    extend(request) {
      const session = held(request.id);
      if (session === undefined) return { type: "missing" };
      const { own, idleMs, absoluteInMs } = extended(session, request);
      return { type: "extended", session: { ...session, own, idleInMs: idleMs, absoluteInMs } };
    },
    rotate(request) {
      const session = held(request.id);
      if (session === undefined) return { type: "missing" };
      if (request.fence !== undefined && request.fence < session.fence) return { type: "fenced" };
      if (isOwnedByAnother(session.subject, request)) return { type: "foreign" };
      if (request.subject === undefined)
        return { type: "rotated", version: session.version, session: undefined };
      const ended = index.endedBy(request);
      if (ended === undefined) return { type: "crowded" };
      presence.identified(request.id, request.subject);
      return {
        ...recordLogin(request, ended),
        type: "rotated",
        version: session.version + 1,
        session: undefined,
      };
    },
    takeOverSubject({ id, subject, raise }) {
      const session = held(id);
      if (session === undefined) return { type: "missing" };
      // Core keeps the fences, and applies the raised fences.
      const others = index.others(subject, id).map((other) => ({
        id: other,
        fence: (held(other)?.fence ?? 0) + 1,
      }));
      return { type: "taken", fence: session.fence + (raise ? 1 : 0), others };
    },
    destroy(id) {
      const session = held(id);
      if (session === undefined) return NOTHING_DESTROYED;
      recordDestroyed(id, session);
      return { ...NOTHING_DESTROYED, destroyed: [id] };
    },
    // The session ends with its connection, so it is never away.
    release(id, reason) {
      index.ended(id);
      presence.endedWithConnection(id, reason);
    },
    async *ids() {
      yield* host?.heldIds() ?? [];
    },
    bySubject: (subject) => index.of(subject),
    destroySubject(subject) {
      const destroyed = index.of(subject);
      for (const id of destroyed) recordDestroyed(id, held(id));
      return { ...NOTHING_DESTROYED, destroyed };
    },
    presence: () => ({ nodes: [], missing: [] }),
    track: (tracking) => presence.track(tracking),
    presenceOfSubject: (subject) => presence.presenceOfSubject(subject),
    watch: (subjects, listener) => presence.watch(subjects, listener),
    health: healthInProcess,
    close: () => presence.close(),
  };
}

function* holdings(host: StoreHost | undefined): Generator<LocalHolding> {
  for (const id of host?.heldIds() ?? []) yield { id, subject: host?.held(id)?.subject, connections: 1 };
}
