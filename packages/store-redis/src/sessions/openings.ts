import { invalidArgument } from "@wsession/core/runtime";
import type { CreateRequest, CreateResult, ResumeRequest, ResumeResult, SubjectLimit } from "@wsession/core";
import { encodeData } from "../base/codec.ts";
import { awaitBeforeChange } from "../base/failures.ts";
import { create } from "../commands/create.ts";
import { resume, type ResumeReply } from "../commands/resume.ts";
import type { RaisedEpoch } from "../commands/subject-index.ts";
import type { Membership } from "../membership/membership.ts";
import type { Registration } from "../holders/registration.ts";
import type { Services } from "../holders/services.ts";
import type { Destruction } from "./destruction.ts";
import type { IndexedChanges } from "./indexed-changes.ts";
import type { SubjectLimits } from "./subject-limits.ts";
import type { UnknownOutcomes } from "./unknown-outcomes.ts";

/** A request that may register one more connection of this process as a holder of the session. */
type HoldingRequest = Pick<ResumeRequest, "id" | "hold">;

/** Sessions that are created or resumed, with the registration of this process as their holder. */
export class Openings {
  readonly #services: Services;
  readonly #limits: SubjectLimits;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #indexedChanges: IndexedChanges;
  readonly #destruction: Destruction;
  readonly #membership: () => Membership | undefined;

  constructor(
    services: Services,
    limits: SubjectLimits,
    unknownOutcomes: UnknownOutcomes,
    indexedChanges: IndexedChanges,
    destruction: Destruction,
    membership: () => Membership | undefined,
  ) {
    this.#services = services;
    this.#limits = limits;
    this.#unknownOutcomes = unknownOutcomes;
    this.#indexedChanges = indexedChanges;
    this.#destruction = destruction;
    this.#membership = membership;
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const { id, subject } = request;
    const { calls, settings, nextSequence, recording } = this.#services;
    const encoded = encodeData(request.data, settings.maxBytes);
    const deadline = calls.deadline();
    const listing =
      subject === undefined
        ? undefined
        : await this.#indexedChanges.listBeforeCreate({ ...request, subject }, deadline);
    if (listing?.type === "revoked") return listing;
    const { limit } = request;
    if (subject !== undefined && limit !== undefined) {
      const entered = this.#limits.enter(id, subject, limit, deadline);
      if (!(await awaitBeforeChange(entered))) return { type: "crowded" };
    }
    const waiting = this.#readyFor(request, deadline);
    if (waiting !== undefined) await waiting;
    const registration = this.#register(request);
    const sequence = registration?.sequence ?? nextSequence();
    const hold = recording.hold(registration?.count);
    const presence = this.#membership()?.presence;
    let created: CreateResult;
    try {
      // A session without a connection has to be looked at only when it expires.
      const needsLook = request.hold || recording.events.has("expired");
      const listed = needsLook ? presence?.list(id, lifeOf(request), deadline) : undefined;
      if (listed !== undefined) await awaitBeforeChange(listed);
      const reply = await create(this.#services, { request, encoded, sequence, hold, listing, deadline });
      const { isRepeat, change, ...result } = reply;
      registration?.answered(result.type === "created", isRepeat);
      if (result.type === "created") presence?.changed(id, change);
      else if (needsLook) presence?.lookSoon(id);
      created = result;
    } catch (error) {
      registration?.failed(error);
      throw this.#unknownOutcomes.remember(error, "create", id, sequence, deadline);
    }
    if (created.type !== "created" || subject === undefined || limit === undefined) return created;
    return this.#withinLimit(created, request, subject, limit);
  }

  /** Ends the oldest sessions of the subject over the limit. A failure, or a newer login, releases the new session's holder. */
  async #withinLimit(
    created: Extract<CreateResult, { type: "created" }>,
    { id, hold }: CreateRequest,
    subject: string,
    limit: SubjectLimit,
  ): Promise<CreateResult> {
    const release = () => (hold ? this.#membership()?.heldCounts.release(id) : undefined);
    try {
      if (await this.#limits.endOldest(id, subject, limit)) return created;
      await release();
      return { type: "replaced" };
    } catch (error) {
      // No client gets the session's token, so nothing waits for the release. The release may fail too.
      release()?.catch(() => undefined);
      this.#destruction.replaced(id, this.#membership()).catch(() => undefined);
      throw error;
    }
  }

  async resume(request: ResumeRequest): Promise<ResumeResult> {
    const { calls, nextSequence, recording } = this.#services;
    // In resume.lua an empty digest means that the application has checked the client. So treat an empty digest in the
    // request as wrong.
    if (request.digest === "") return { type: "wrong" };
    const deadline = calls.deadline();
    const waiting = this.#readyFor(request, deadline);
    if (waiting !== undefined) await waiting;
    const registration = this.#register(request);
    const sequence = registration?.sequence ?? nextSequence();
    const hold = registration === undefined ? "" : recording.hold(registration.count);
    const presence = registration === undefined ? undefined : this.#membership()?.presence;
    const { id, idleMs } = request;
    try {
      const listed = presence?.list(id, idleMs, deadline);
      if (listed !== undefined) await awaitBeforeChange(listed);
      const reply = await resume(this.#services, { request, sequence, hold, deadline });
      if (reply.type !== "resumed") {
        registration?.answered(false, reply.isRepeat);
        presence?.lookSoon(id);
        return { type: reply.type };
      }
      registration?.answered(true, false);
      presence?.changed(id, reply.change);
      presence?.lookAtDeadline(id, Math.min(reply.session.idleInMs, reply.session.absoluteInMs), idleMs);
      this.#listAgain(request, reply);
      return { type: reply.type, session: reply.session, by: reply.by };
    } catch (error) {
      registration?.failed(error);
      throw error;
    }
  }

  /**
   * Lists the resumed session again, in the background. A failure is harmless, because the next touch or resume does the
   * same.
   */
  #listAgain(request: ResumeRequest, resumed: Extract<ResumeReply, { type: "resumed" }>): void {
    if (resumed.session.subject === undefined) return;
    const destroy = (of: RaisedEpoch): Promise<void> =>
      this.#destruction.destroyOverdue(request.id, of, this.#membership());
    this.#indexedChanges.listAgain(request, resumed, destroy).catch(() => undefined);
  }

  /** Resolves once this process may register a connection; `undefined` if it may do so at once. */
  #readyFor(request: HoldingRequest, deadline: number): Promise<void> | undefined {
    const waiting = request.hold ? this.#membership()?.ready(deadline) : undefined;
    return waiting === undefined ? undefined : awaitBeforeChange(waiting);
  }

  #register({ id, hold }: HoldingRequest): Registration | undefined {
    if (!hold) return undefined;
    const membership = this.#membership();
    if (membership === undefined)
      throw invalidArgument("the store must be given to createSessions before it is used", {
        outcome: "not-applied",
      });
    return membership.register(id);
  }
}

/** Milliseconds until the new session expires, if it is not touched. */
function lifeOf({ idleMs, absoluteMs }: CreateRequest): number {
  return Math.min(idleMs, absoluteMs);
}
