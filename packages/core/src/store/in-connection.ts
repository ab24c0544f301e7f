import { isOthers } from "./map-entry.ts";
import { applyChange } from "./change.ts";
import { assertNone } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { assertSubjectText } from "../base/names.ts";
import type { SessionStore, StoreHost, WriteRequest, WriteResult } from "./contract.ts";

const NOTHING_DESTROYED = { destroyed: [], closed: 0, unreachable: [] } as const;

/**
 * A store that keeps each session on its connection, and nothing after the connection has ended. The store has no records of its
 * own. It finds a session by id among the live connections of its host. Core applies the store's answer in the same tick, so
 * writes are atomic.
 *
 * Sessions can't be resumed. Their data may have any values, serialisable or not. One store serves one `createSessions`.
 */
export function inConnectionStore(): SessionStore;
export function inConnectionStore(surplus?: undefined): SessionStore {
  assertNone("inConnectionStore()", surplus);
  let host: StoreHost | undefined;

  const held = (id: string) => host?.held(id);

  function write(request: WriteRequest): WriteResult {
    const session = held(request.id);
    if (session === undefined) return { type: "missing" };
    if (request.fence !== undefined && request.fence < session.fence) return { type: "fenced" };
    if (request.expect !== undefined && request.expect !== session.version)
      return { type: "conflict", session };
    const version = session.version + 1;
    if (version === request.known + 1) return { type: "written", version, session: undefined };
    const data = applyChange(session.data, request.change);
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
      return {
        type: "created",
        session: {
          version: 1,
          data: request.data,
          subject: request.subject,
          fence: request.exclusive ? 1 : 0,
          schemaVersion: request.schemaVersion,
          idleInMs: request.idleMs,
          absoluteInMs: request.absoluteMs,
        },
      };
    },
    resume: () => ({ type: "missing" }),
    load: held,
    write,
    touch: (id) => held(id) !== undefined,
    rotate(request) {
      const session = held(request.id);
      if (session === undefined) return { type: "missing" };
      if (request.fence !== undefined && request.fence < session.fence) return { type: "fenced" };
      if (isOthers(session.subject, request)) return { type: "foreign" };
      if (request.subject === undefined)
        return { type: "rotated", version: session.version, session: undefined };
      return { type: "rotated", version: session.version + 1, session: undefined };
    },
    destroy: (id) => (held(id) === undefined ? NOTHING_DESTROYED : { ...NOTHING_DESTROYED, destroyed: [id] }),
    release: () => undefined,
    async *ids() {
      yield* host?.heldIds() ?? [];
    },
    bySubject: (subject) => withSubject(host, subject),
    destroySubject: (subject) => ({ ...NOTHING_DESTROYED, destroyed: withSubject(host, subject) }),
    presence: () => ({ nodes: [], missing: [] }),
    close: () => undefined,
  };
}

function withSubject(host: StoreHost | undefined, subject: string): string[] {
  assertSubjectText("inConnectionStore", subject);
  return [...(host?.heldIds() ?? [])].filter((id) => host?.held(id)?.subject === subject);
}
