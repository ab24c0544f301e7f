import type { CreateRequest, RotateRequest, RotateResult } from "@wsession/core";
import { stayText, untilDeadline } from "./durations.ts";
import { beforehand } from "./failures.ts";
import { hashSubject } from "./keys.ts";
import { newLineage } from "./lineage.ts";
import type { Services } from "./membership.ts";
import { parseMetadata } from "./record.ts";
import { readRotate, readTouch } from "./replies.ts";
import type { Listing, Subjects } from "./subjects.ts";
import type { Unsettled } from "./unsettled.ts";

type Creation = Pick<CreateRequest, "id" | "absoluteMs" | "decidedAt">;

/** What changes a session's secrets or last deadline, and so its entry in its subject's index, which has to come first. */
export class Logins {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #unsettled: Unsettled;

  constructor(services: Services, subjects: Subjects, unsettled: Unsettled) {
    this.#services = services;
    this.#subjects = subjects;
    this.#unsettled = unsettled;
  }

  /** Lists a session that is about to be created; says the epoch that its creation carries. */
  async begin(
    { subject, id, absoluteMs, decidedAt }: Creation & { readonly subject: string },
    deadline: number,
  ): Promise<Listing> {
    const { calls } = this.#services;
    await calls.ready(deadline);
    const absoluteAt = (calls.serverNow() ?? 0) + untilDeadline(absoluteMs);
    return beforehand(this.#subjects.list(subject, id, absoluteAt, deadline, decidedAt));
  }

  async rotate(request: RotateRequest): Promise<RotateResult> {
    const { calls, nextSequence } = this.#services;
    const { id, subject } = request;
    const deadline = calls.deadline();
    const before = this.#unsettled.before(id, deadline);
    if (before !== undefined) await before;
    const sequence = nextSequence();
    if (subject === undefined) {
      const reply = await this.#rotateOnce(request, sequence, deadline, ["", "", "", "", "0"]);
      return reply.type === "index" ? { type: "missing" } : reply;
    }
    const hash = hashSubject(subject);
    let absoluteAt = await this.#absoluteDeadline(id, deadline);
    let epoch: number | undefined;
    while (absoluteAt !== undefined) {
      const listing = await beforehand(
        this.#subjects.list(subject, id, absoluteAt, deadline, request.decidedAt),
      );
      if (listing.type === "revoked") return listing;
      // The first one read: the login has been under way since, and a later one would let it slip past a destruction.
      epoch ??= listing.epoch;
      const whose = ["1", subject, hash, String(epoch), timeText(absoluteAt)];
      const reply = await this.#rotateOnce(request, sequence, deadline, whose);
      if (reply.type !== "index") return reply;
      absoluteAt = reply.absoluteAt;
    }
    return { type: "missing" };
  }

  /** `idle` and `absolute` as touch.lua takes them. */
  async touch(id: string, idle: string, absolute: string): Promise<boolean> {
    const { calls, keys } = this.#services;
    const deadline = calls.deadline();
    let indexed: readonly [subject: string, absoluteAt: string] = ["", "0"];
    for (;;) {
      const reply = readTouch(
        await calls.timedScript("touch", keys.session(id), [idle, absolute, ...indexed], deadline),
      );
      if (reply.type !== "index") return reply.type === "touched";
      // The next try is a little later, and so is its deadline.
      const absoluteAt = reply.absoluteAt + calls.timeoutMs;
      await beforehand(this.#subjects.list(reply.subject, id, absoluteAt, deadline, undefined));
      indexed = [reply.subject, timeText(absoluteAt)];
    }
  }

  async #rotateOnce(
    request: RotateRequest,
    sequence: number,
    deadline: number,
    whose: readonly string[],
  ): Promise<ReturnType<typeof readRotate>> {
    const { calls, keys, node } = this.#services;
    const { id, digest, renewalDigest, renewalMs, graceMs, fence, known, lineage } = request;
    const next = newLineage();
    const secrets = [digest, renewalDigest, stayText(renewalMs), stayText(graceMs)];
    const args = [
      node,
      String(sequence),
      ...secrets,
      ...whose,
      fence === undefined ? "" : String(fence),
      String(known),
      lineage === undefined ? "" : String(lineage),
      String(next),
    ];
    try {
      const reply = await calls.timedScript("rotate", keys.session(id), args, deadline);
      return readRotate(reply, request.subject === undefined || lineage === undefined ? lineage : next);
    } catch (error) {
      throw this.#unsettled.remember(error, "write", id, sequence, deadline);
    }
  }

  /** By the server's clock; `undefined`: the session is not there. */
  async #absoluteDeadline(id: string, deadline: number): Promise<number | undefined> {
    const { calls, keys } = this.#services;
    const metadata = await beforehand(calls.command("hget", [keys.session(id), "m"], deadline));
    return metadata === null ? undefined : parseMetadata(metadata).absoluteAt;
  }
}

function timeText(absoluteAt: number): string {
  return Number.isFinite(absoluteAt) ? String(Math.ceil(absoluteAt)) : "0";
}
