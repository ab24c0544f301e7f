import type {
  CreateRequest,
  ExtendRequest,
  ExtendResult,
  ResumeRequest,
  RotateRequest,
  RotateResult,
} from "@wsession/core";
import { load } from "../commands/load.ts";
import { goneSince, type Missing } from "../commands/reply.ts";
import type { ResumeReply } from "../commands/resume.ts";
import { type MovedPresence, type NewSubject, rotate, type RotateReply } from "../commands/rotate.ts";
import { touch, type TouchCommand } from "../commands/touch.ts";
import { untilDeadline } from "../base/durations.ts";
import { awaitBeforeChange } from "../base/failures.ts";
import { hashSubject } from "../base/keys.ts";
import { parseMetadata } from "../base/record.ts";
import type { Services } from "../holders/services.ts";
import type { Listing, RaisedEpoch } from "../commands/subject-index.ts";
import type { SubjectLimits } from "./subject-limits.ts";
import type { Revoked, Subjects } from "./subjects.ts";
import type { UnknownOutcomes } from "./unknown-outcomes.ts";

type DeadlineMove = Omit<TouchCommand, "deadline" | "listed"> & Partial<Pick<TouchCommand, "listed">>;
type Creation = Pick<CreateRequest, "id" | "idleMs" | "absoluteMs" | "decidedAt">;

/**
 * Changes that affect a session's entry in its subject's index: create, rotate and touch. The index is always
 * updated first, because `destroySubject` must find every live session.
 */
export class IndexedChanges {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #onMissing: (id: string, found: Missing) => void;
  readonly #onMoved: (id: string, subject: string, moved: MovedPresence) => void;

  constructor(
    services: Services,
    subjects: Subjects,
    unknownOutcomes: UnknownOutcomes,
    onMissing: (id: string, found: Missing) => void,
    onMoved: (id: string, subject: string, moved: MovedPresence) => void,
  ) {
    this.#onMoved = onMoved;
    this.#services = services;
    this.#subjects = subjects;
    this.#unknownOutcomes = unknownOutcomes;
    this.#onMissing = onMissing;
  }

  /** Lists a session under its subject before it is created. The creation carries the listing. */
  async listBeforeCreate(
    { subject, id, idleMs, absoluteMs, decidedAt }: Creation & { readonly subject: string },
    deadline: number,
  ): Promise<Listing | Revoked> {
    const { calls } = this.#services;
    await calls.ready(deadline);
    const lastMs = Math.min(2 * untilDeadline(idleMs), untilDeadline(absoluteMs));
    // The session is created up to one call later, so its deadlines are later too.
    const until = (calls.serverNow() ?? 0) + calls.timeoutMs + lastMs;
    return awaitBeforeChange(this.#subjects.login(subject, id, until, deadline, decidedAt));
  }

  /** Replaces the token, and sets the subject if the request has one. `limits` enforces the limit of the request. */
  async rotate(request: RotateRequest, limits: SubjectLimits): Promise<RotateResult> {
    const { id, subject, limit } = request;
    if (subject === undefined || limit === undefined) return this.#rotate(request, undefined);
    const rotated = await this.#rotate(request, (deadline) => limits.enter(id, subject, limit, deadline));
    if (rotated.type !== "rotated") {
      // The login did not happen, so it must not count as the subject's newest login.
      if (rotated.type !== "crowded") limits.leave(id, subject).catch(() => undefined);
      return rotated;
    }
    return (await limits.endOldest(id, subject, limit)) ? rotated : { type: "replaced" };
  }

  /** `enter` is called before the session gets the subject. False: the login is refused. */
  async #rotate(
    request: RotateRequest,
    enter: ((deadline: number) => Promise<boolean>) | undefined,
  ): Promise<RotateResult> {
    const { calls, nextSequence } = this.#services;
    const { id, subject } = request;
    const deadline = calls.deadline();
    const before = this.#unknownOutcomes.decideLast(id, deadline);
    if (before !== undefined) await before;
    const sequence = nextSequence();
    if (subject === undefined) {
      const reply = await this.#rotateOnce(request, sequence, deadline, undefined);
      return reply.type === "index" ? { type: "missing" } : reply;
    }
    const hash = hashSubject(subject);
    let until = await this.#listedUntil(id, deadline);
    let epoch: number | undefined;
    while (until !== undefined) {
      const listing = await awaitBeforeChange(
        this.#subjects.login(subject, id, until, deadline, request.decidedAt),
      );
      if (listing.type === "revoked") return listing;
      // Keeps the epoch of the first attempt, because with a later one the login would escape a destruction
      // that happened in between.
      epoch ??= listing.epoch;
      if (enter !== undefined && !(await awaitBeforeChange(enter(deadline)))) return { type: "crowded" };
      const { isOn: isRecorded } = this.#services.recording;
      const becomes = { subject, hash, epoch, until: listing.until, isRecorded };
      const reply = await this.#rotateOnce(request, sequence, deadline, becomes);
      if (reply.type === "rotated" && reply.moved !== undefined) this.#onMoved(id, subject, reply.moved);
      if (reply.type !== "index") return reply;
      until = reply.until;
    }
    return { type: "missing" };
  }

  /** Moves a session's deadlines, and gives the session lifetimes of its own. Returns false if the session is gone. */
  async touch(move: DeadlineMove): Promise<boolean> {
    const { calls } = this.#services;
    const { id } = move;
    const deadline = calls.deadline();
    let { listed } = move;
    for (;;) {
      const reply = await touch(this.#services, { ...move, listed, deadline });
      if (reply.type === "missing") this.#onMissing(id, reply);
      if (reply.type !== "index") return reply.type === "touched";
      const { subject } = reply;
      // The next attempt is up to one call later, so the deadlines are later too.
      const until = reply.until + calls.timeoutMs;
      const listing = await awaitBeforeChange(this.#subjects.list(subject, id, until, deadline));
      listed = { subject, until: listing.until };
    }
  }

  async extend({ id, idleMs, own, absoluteInMs }: ExtendRequest): Promise<ExtendResult> {
    if (!(await this.touch({ id, idleMs, absoluteMs: absoluteInMs, own }))) return { type: "missing" };
    // A second call, because extending is rare, and the answer to a touch is as short as possible.
    const found = await load(this.#services, id);
    return found.type === "session" ? { type: "extended", session: found.session } : { type: "missing" };
  }

  /**
   * Lists a resumed session again if its subject's index lists it for too short a time or not at all. The index may have lost the
   * session by an eviction or a failover, or only a shared index lists the session. If the subject's sessions were destroyed while
   * the index had lost this one, it is passed to `destroy`.
   */
  async listAgain(
    { id, touch: isActivity, idleMs: common }: Pick<ResumeRequest, "id" | "touch" | "idleMs">,
    { session, loginEpoch }: Extract<ResumeReply, { type: "resumed" }>,
    destroy: (of: RaisedEpoch) => Promise<void>,
  ): Promise<void> {
    const { subject, absoluteInMs } = session;
    const idleMs = isActivity === false ? session.idleInMs : (session.own?.idleMs ?? common);
    const { calls } = this.#services;
    const now = calls.serverNow();
    if (now === undefined || subject === undefined) return;
    const listedUntil = await this.#subjects.listedUntil(subject, id);
    if (listedUntil !== undefined && listedUntil >= now + Math.min(1.5 * idleMs, absoluteInMs)) return;
    const deadline = calls.deadline();
    const until = now + calls.timeoutMs + Math.min(2 * idleMs, absoluteInMs);
    const listing = await this.#subjects.list(subject, id, until, deadline);
    const isEntryLost = listedUntil === undefined && loginEpoch !== undefined;
    if (isEntryLost && loginEpoch < listing.epoch)
      await destroy({ subject, hash: hashSubject(subject), epoch: listing.epoch });
    else {
      const listed = { subject, until: listing.until };
      await this.touch({ id, idleMs, absoluteMs: undefined, listed });
    }
  }

  async #rotateOnce(
    request: RotateRequest,
    sequence: number,
    deadline: number,
    becomes: NewSubject | undefined,
  ): Promise<Exclude<RotateReply, Missing> | { readonly type: "missing" }> {
    const { id } = request;
    try {
      const reply = await rotate(this.#services, { request, sequence, becomes, deadline });
      if (reply.type !== "missing") return reply;
      this.#onMissing(id, reply);
      if (reply.isRepeat) throw goneSince();
      return { type: reply.type };
    } catch (error) {
      throw this.#unknownOutcomes.remember(error, "write", id, sequence, deadline);
    }
  }

  /**
   * The server time until which the index must list a session that is about to get a subject, as `listed_until` in
   * prelude.lua computes it; `undefined` if the session does not exist.
   */
  async #listedUntil(id: string, deadline: number): Promise<number | undefined> {
    const { calls, keys } = this.#services;
    const metadata = await awaitBeforeChange(calls.command("hget", [keys.session(id), "m"], deadline));
    if (metadata === null) return undefined;
    const { idleAt, absoluteAt } = parseMetadata(metadata);
    const now = calls.serverNow() ?? 0;
    return Math.min(absoluteAt, idleAt + Math.max(0, idleAt - now));
  }
}
