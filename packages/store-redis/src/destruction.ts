import type { StoreDestroyResult } from "@wsession/core";
import { destroyedMessage } from "./announcements.ts";
import type { Confirmed } from "./confirmations.ts";
import type { Membership, Services } from "./membership.ts";
import type { Holder } from "./record.ts";
import { type DestroyReply, readDestroy } from "./replies.ts";
import type { Subjects } from "./subjects.ts";
import type { Unsettled } from "./unsettled.ts";

const AT_ONCE = 256;

/** Whose sessions are destroyed, in which epoch: `Subjects` says why. */
interface Denial {
  readonly subject: string;
  readonly hash: string;
  readonly epoch: number;
}

/** Destroys sessions everywhere, one or a subject's, and collects what their holders closed. */
export class Destruction {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #unsettled: Unsettled;

  constructor(services: Services, subjects: Subjects, unsettled: Unsettled) {
    this.#services = services;
    this.#subjects = subjects;
    this.#unsettled = unsettled;
  }

  async one(
    id: string,
    reason: string | undefined,
    membership: Membership | undefined,
  ): Promise<StoreDestroyResult> {
    const token = this.#open(membership);
    try {
      if (membership !== undefined)
        await membership.listening(performance.now() + this.#services.settings.confirmMs);
      const reply = await this.#send(id, reason, token, undefined);
      if (reply.type !== "destroyed") return { destroyed: [], closed: 0, unreachable: [] };
      // The index may keep the entry: it is a superset. So a failure here is nobody's.
      if (reply.subject !== undefined) this.#subjects.remove(reply.subject, [id]).catch(() => undefined);
      const confirmed = await this.#collect(token, membership, new Map([[id, reply.holders]]));
      return { destroyed: [id], ...confirmed };
    } finally {
      membership?.confirmations.abandon(token);
    }
  }

  async subject(
    subject: string,
    reason: string | undefined,
    membership: Membership | undefined,
  ): Promise<StoreDestroyResult> {
    const token = this.#open(membership);
    try {
      if (membership !== undefined)
        await membership.listening(performance.now() + this.#services.settings.confirmMs);
      const { hash, epoch, ids } = await this.#subjects.raise(subject);
      const denial: Denial = { subject, hash, epoch };
      const destroyed = new Map<string, readonly Holder[]>();
      const finished: string[] = [];
      for (let first = 0; first < ids.length; first += AT_ONCE) {
        const batch = ids.slice(first, first + AT_ONCE);
        const replies = await Promise.all(
          batch.map(async (id) => [id, await this.#send(id, reason, token, denial)] as const),
        );
        for (const [id, reply] of replies) {
          if (reply.type === "destroyed") destroyed.set(id, reply.holders);
          if (reply.type !== "other") finished.push(id);
        }
      }
      this.#subjects.remove(subject, finished).catch(() => undefined);
      const confirmed = await this.#collect(token, membership, destroyed);
      return { destroyed: [...destroyed.keys()], ...confirmed };
    } finally {
      membership?.confirmations.abandon(token);
    }
  }

  #open(membership: Membership | undefined): string {
    const token = String(this.#services.nextSequence());
    membership?.confirmations.open(token);
    return token;
  }

  async #send(
    id: string,
    reason: string | undefined,
    token: string,
    denial: Denial | undefined,
  ): Promise<DestroyReply> {
    const { calls, keys, node, nextSequence, settings } = this.#services;
    const sequence = nextSequence();
    const deadline = calls.deadline();
    const message = destroyedMessage(id, reason, { node, token });
    const why = reason === undefined ? ["", ""] : ["1", reason];
    const whose =
      denial === undefined ? ["", "", "", ""] : ["1", denial.subject, denial.hash, String(denial.epoch)];
    const args = [node, String(sequence), String(settings.tombstoneMs), message, ...why, ...whose];
    try {
      return readDestroy(await calls.timedScript("destroy", keys.session(id), args, deadline));
    } catch (error) {
      throw this.#unsettled.remember(error, "destroy", id, sequence, deadline);
    }
  }

  async #collect(
    token: string,
    membership: Membership | undefined,
    holders: ReadonlyMap<string, readonly Holder[]>,
  ): Promise<Confirmed> {
    const expected = new Map<string, string[]>();
    for (const [id, nodes] of holders) {
      for (const { node } of nodes) {
        if (node !== this.#services.node) expected.set(node, [...(expected.get(node) ?? []), id]);
      }
    }
    if (membership === undefined || expected.size === 0) return { closed: 0, unreachable: [] };
    const { calls, keys, settings } = this.#services;
    const isDead = async (node: string): Promise<boolean> =>
      (await calls.command("exists", [keys.lease(node)])) === 0;
    return membership.confirmations.collect(token, expected, isDead, settings.confirmMs);
  }
}
