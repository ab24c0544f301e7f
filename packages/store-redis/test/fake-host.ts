import type {
  AppendRequest,
  CreateRequest,
  HeldSession,
  ResumeRequest,
  RotateRequest,
  SessionStore,
  StoredSession,
  StoreEvent,
  StoreHost,
  WriteRequest,
} from "@wsession/core";
import { randomBytes, randomInt } from "node:crypto";

export const newId = (): string => randomBytes(16).toString("base64url");
export const newDigest = (): string => randomBytes(32).toString("base64url");

/** A stand-in for core in a test of a store: it has held sessions and receives events. */
export class FakeHost implements StoreHost {
  readonly sessions = new Map<string, HeldSession>();
  readonly events: StoreEvent[] = [];
  readonly errors: unknown[] = [];

  /** When the deadlines of a session were received. */
  readonly #receivedAt = new Map<string, number>();

  held(id: string): HeldSession | undefined {
    const held = this.sessions.get(id);
    const past = performance.now() - (this.#receivedAt.get(id) ?? performance.now());
    return held && { ...held, idleInMs: held.idleInMs - past, absoluteInMs: held.absoluteInMs - past };
  }

  heldIds(): Iterable<string> {
    return this.sessions.keys();
  }

  adopt(id: string, session: StoredSession): void {
    this.#receivedAt.set(id, performance.now());
    this.sessions.set(id, { ...session, connections: (this.sessions.get(id)?.connections ?? 0) + 1 });
  }

  notify(event: StoreEvent): number {
    this.events.push(event);
    const held = this.sessions.get(event.id);
    if (held === undefined) return 0;
    switch (event.type) {
      case "destroyed":
      case "expired":
        this.sessions.delete(event.id);
        return held.connections;
      case "extended": {
        const { idleInMs, absoluteInMs, own } = event;
        this.#receivedAt.set(event.id, performance.now());
        this.sessions.set(event.id, { ...held, idleInMs, absoluteInMs, own });
        return 0;
      }
      case "loaded":
        this.#receivedAt.set(event.id, performance.now());
        this.sessions.set(event.id, { ...event.session, connections: held.connections });
        return 0;
      case "written":
        if (event.version > held.version)
          this.sessions.set(event.id, { ...held, version: event.version, lineage: event.lineage });
        return 0;
      case "replaced":
        this.sessions.set(event.id, { ...held, fence: event.fence });
        return 0;
      case "appended":
        this.sessions.set(event.id, { ...held, outbox: event.end });
        return 0;
    }
  }

  onError(error: unknown): void {
    this.errors.push(error);
  }

  eventsOf(id: string): StoreEvent[] {
    return this.events.filter((event) => event.id === id);
  }
}

export function aCreation(request: Partial<CreateRequest> = {}): CreateRequest {
  return {
    id: newId(),
    digest: newDigest(),
    data: { visits: 0 },
    subject: undefined,
    schemaVersion: 0,
    idleMs: 60_000,
    absoluteMs: 3_600_000,
    hold: false,
    exclusive: false,
    ...request,
  };
}

export function aResume(id: string, request: Partial<ResumeRequest> = {}): ResumeRequest {
  return {
    id,
    digest: undefined,
    nextDigest: undefined,
    subject: undefined,
    idleMs: 60_000,
    hold: false,
    exclusive: false,
    ...request,
  };
}

export function aWrite(
  id: string,
  set: Record<string, unknown>,
  request: Partial<WriteRequest> = {},
): WriteRequest {
  return {
    id,
    change: { type: "fields", set, unset: [] },
    expect: undefined,
    known: 1,
    fence: undefined,
    schemaVersion: 0,
    ...request,
  };
}

/** An append of texts, within limits that no test reaches. */
export function anAppend(
  id: string,
  texts: readonly string[],
  bounds: Partial<AppendRequest["bounds"]> = {},
): AppendRequest {
  const messages = texts.map((data) => ({
    data,
    mark: randomInt(2 ** 31),
    key: undefined,
    ttlMs: undefined,
  }));
  const all = { maxMessages: 256, maxBytes: 262_144, maxAgeMs: 3_600_000, whenFull: "drop-oldest" } as const;
  return { id, messages, bounds: { ...all, ...bounds }, fence: undefined };
}

/** Resumes a session as a connection of this host's process. */
export async function hold(
  store: SessionStore,
  host: FakeHost,
  id: string,
  request: Partial<ResumeRequest> = {},
): Promise<StoredSession> {
  const result = await store.resume(aResume(id, { hold: true, ...request }));
  if (result.type !== "resumed") throw new Error(`not resumed: ${result.type}`);
  host.adopt(id, result.session);
  return result.session;
}

export function aRotation(id: string, subject: string | undefined, known = 1): RotateRequest {
  return {
    id,
    digest: newDigest(),
    renewalDigest: newDigest(),
    renewalMs: 60_000,
    graceMs: 0,
    subject,
    fence: undefined,
    known,
  };
}
