import type { Change, StoredSession } from "@wsession/core";

/** The compared part of a session: everything except the remaining time. */
export interface View {
  readonly version: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly subject: string | undefined;
  readonly fence: number;
  readonly schemaVersion: number;
}

export interface ModelSession extends View {
  readonly current: string | undefined;
  readonly previous: { readonly digest: string; readonly good: boolean } | undefined;
  readonly renewal: string | undefined;
}

export function viewOf({ version, data, subject, fence, schemaVersion }: StoredSession | ModelSession): View {
  return { version, data: { ...data }, subject, fence, schemaVersion };
}

/** The kind of a secret when it is presented. */
export type Secret = "none" | "current" | "previous" | "renewal" | "wrong";

export type Operation =
  | {
      readonly type: "create";
      readonly data: Readonly<Record<string, unknown>>;
      readonly withDigest: boolean;
      readonly subject: string | undefined;
      readonly exclusive: boolean;
    }
  | {
      readonly type: "write";
      readonly change:
        | Exclude<Change, { type: "replace" }>
        | { readonly type: "replace"; readonly data: Readonly<Record<string, unknown>> };
      /** How many versions behind the writer's expected version is; `undefined`: the writer expects none. */
      readonly expectBehind: number | undefined;
      readonly knownBehind: number;
      /** The distance below the session's fence; `undefined`: an administrative write. */
      readonly fenceBelow: number | undefined;
      readonly schemaVersion: number;
    }
  | {
      readonly type: "resume";
      readonly secret: Secret;
      readonly subject: string | undefined;
      readonly exclusive: boolean;
    }
  | {
      readonly type: "rotate";
      readonly subject: string | undefined;
      readonly grace: boolean;
      readonly fenceBelow: number | undefined;
    }
  | { readonly type: "load" }
  | { readonly type: "touch" }
  | { readonly type: "destroy" }
  | { readonly type: "destroySubject"; readonly subject: string }
  | { readonly type: "bySubject"; readonly subject: string }
  | { readonly type: "ids" };

export interface Step {
  /** The process that runs the step, if there are several. */
  readonly writer: number;
  /** The session of the step. */
  readonly session: number;
  readonly operation: Operation;
}

/** A model of a store on a plain map, which computes the required answers: the contract in fifty lines. */
export class Model {
  readonly sessions: Map<string, ModelSession> = new Map();
  readonly destroyed: Set<string> = new Set();

  create(
    id: string,
    digest: string | undefined,
    { data, subject, exclusive }: Extract<Operation, { type: "create" }>,
  ): boolean {
    if (this.sessions.has(id)) return false;
    const fence = exclusive ? 1 : 0;
    const secrets = { current: digest, previous: undefined, renewal: undefined };
    this.sessions.set(id, { version: 1, data, subject, fence, schemaVersion: 0, ...secrets });
    return true;
  }

  /** Refused as `fenced` or as a `conflict`, or `written`. */
  write(
    id: string,
    change: Change,
    expect: number | undefined,
    fence: number | undefined,
    schemaVersion: number,
  ): string {
    const session = this.sessions.get(id);
    if (session === undefined) return "missing";
    if (fence !== undefined && fence < session.fence) return "fenced";
    if (expect !== undefined && expect !== session.version) return "conflict";
    const data: Record<string, unknown> =
      change.type === "replace" ? { ...change.data } : { ...session.data, ...change.set };
    if (change.type === "fields") for (const name of change.unset) delete data[name];
    this.sessions.set(id, { ...session, data, version: session.version + 1, schemaVersion });
    return "written";
  }

  /** `taken`: the fence after a takeover. The contract allows any higher fence. */
  resume(
    id: string,
    digest: string | undefined,
    next: string,
    { subject, exclusive }: Pick<Extract<Operation, { type: "resume" }>, "subject" | "exclusive">,
    taken: number,
  ): string {
    const session = this.sessions.get(id);
    if (session === undefined) return "missing";
    const by = whichSecret(session, digest);
    if (by === "wrong" || by === "stolen") return by;
    // The application may name a session without a subject.
    const owner = by === "none" ? (session.subject ?? subject) : session.subject;
    if (subject !== undefined && owner !== subject) return "foreign";
    const secrets = by === "renewal" ? { current: next, previous: undefined, renewal: undefined } : {};
    const fence = exclusive ? Math.max(session.fence + 1, taken) : session.fence;
    this.sessions.set(id, { ...session, ...secrets, fence });
    return by;
  }

  rotate(
    id: string,
    digest: string,
    renewal: string,
    fence: number | undefined,
    of: Extract<Operation, { type: "rotate" }>,
  ): string {
    const session = this.sessions.get(id);
    if (session === undefined) return "missing";
    if (fence !== undefined && fence < session.fence) return "fenced";
    const { subject = session.subject, grace: good } = of;
    const previous = session.current === undefined ? undefined : { digest: session.current, good };
    const version = session.version + (of.subject === undefined ? 0 : 1);
    this.sessions.set(id, { ...session, version, subject, current: digest, previous, renewal });
    return "rotated";
  }

  destroy(id: string): boolean {
    const was = this.sessions.delete(id);
    if (was) this.destroyed.add(id);
    return was;
  }

  bySubject(subject: string): string[] {
    return [...this.sessions].filter(([, session]) => session.subject === subject).map(([id]) => id);
  }
}

function whichSecret({ current, previous, renewal }: ModelSession, digest: string | undefined): string {
  if (digest === undefined) return "none";
  if (digest === current) return "current";
  if (digest === renewal) return "renewal";
  if (digest === previous?.digest) return previous.good ? "previous" : "stolen";
  return "wrong";
}
