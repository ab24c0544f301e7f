import { setTimeout as wait } from "node:timers/promises";
import type { StoreDestroyResult } from "@wsession/core";
import { destroyedMessage, subjectMessage } from "../announcements/announcements.ts";
import { UnreachableServers } from "./unreachable-servers.ts";
import type { DestroyReply } from "../commands/destroy.ts";
import { destroyWithEvent } from "./destroyed-event.ts";
import { unavailable } from "../base/failures.ts";
import { shownNode } from "../base/node-names.ts";
import type { Presence } from "../presence/presence.ts";
import type { Membership } from "../membership/membership.ts";
import type { HolderEntry } from "../base/record.ts";
import type { Services } from "../holders/services.ts";
import type { RaisedEpoch } from "../commands/subject-index.ts";
import type { Listed, Subjects } from "./subjects.ts";
import type { UnknownOutcomes } from "./unknown-outcomes.ts";

/** Sessions that are destroyed at the same time. */
const AT_ONCE = 256;
/** How long to wait for a confirmation from a process that has no lease but may be alive. */
const LATE_ANSWER_MS = 250;
const REPLACED_REASON = "too many sessions of one subject";

/** What all commands of one destruction have in common. */
interface Order {
  readonly reason: string | undefined;
  /** Asks the holders to confirm. */
  readonly token?: string | undefined;
  /** Destroys only sessions that belong to this subject since before this epoch. */
  readonly of?: RaisedEpoch;
  readonly isReplaced?: boolean;
}

/**
 * Destroys one session, or all sessions of a subject, in all processes, and collects how many connections the
 * holders closed.
 */
export class Destruction {
  readonly #services: Services;
  readonly #subjects: Subjects;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #presence: () => Presence | undefined;

  constructor(
    services: Services,
    subjects: Subjects,
    unknownOutcomes: UnknownOutcomes,
    presence: () => Presence | undefined,
  ) {
    this.#presence = presence;
    this.#services = services;
    this.#subjects = subjects;
    this.#unknownOutcomes = unknownOutcomes;
  }

  /**
   * Destroys one session. With `membership`, waits up to `confirmMs` for the confirmations of other
   * processes.
   */
  async one(
    id: string,
    reason: string | undefined,
    membership: Membership | undefined,
  ): Promise<StoreDestroyResult> {
    return this.#withConfirmations(membership, reason, async (token) => {
      const reply = await this.#send(id, { reason, token });
      if (reply.type !== "destroyed") return new Map<string, readonly HolderEntry[]>();
      // Runs in the background. A remaining entry only costs memory, until the session's last deadline.
      if (reply.subject !== undefined)
        this.#subjects.destroyed(reply.subject, [{ id }]).catch(() => undefined);
      return new Map([[id, reply.holders]]);
    });
  }

  /** Destroys a session that newer logins of its subject replaced. All holders close its connections with 4409. */
  async replaced(id: string, membership: Membership | undefined): Promise<void> {
    const reply = await this.#send(id, { reason: REPLACED_REASON, isReplaced: true });
    membership?.endReplaced(id, REPLACED_REASON);
    if (reply.type === "destroyed" && reply.subject !== undefined)
      this.#subjects.destroyed(reply.subject, [{ id }]).catch(() => undefined);
  }

  async subject(
    subject: string,
    reason: string | undefined,
    membership: Membership | undefined,
  ): Promise<StoreDestroyResult> {
    const unreachable = new UnreachableServers(this.#services);
    const result = await this.#withConfirmations(membership, reason, async (token) => {
      const raised = await this.#subjects.raise(subject, (error) => unreachable.add(error));
      const destroyed = new Map<string, readonly HolderEntry[]>();
      try {
        for await (const page of this.#subjects.pages(subject, (error) => unreachable.add(error)))
          await this.#destroyPage(page, { reason, token, of: raised }, destroyed, unreachable);
      } catch (error) {
        unreachable.add(error);
      }
      const { calls, counters, keys, node } = this.#services;
      const message = subjectMessage(node, subject, raised.epoch, reason);
      counters.announcementsSent += 1;
      await calls
        .command("publish", [keys.everybody, message])
        .catch((error: unknown) => unreachable.add(error));
      for (const [id, holders] of await this.#destroyHeld(raised, reason, membership, unreachable, destroyed))
        destroyed.set(id, holders);
      return destroyed;
    });
    // The error is thrown last, after everything that could be destroyed was destroyed and its connections
    // were closed.
    if (unreachable.failure !== undefined) throw notAllDestroyed(unreachable.failure);
    return result;
  }

  /** Destroys one page of listed sessions. Adds successes to `destroyed` and failures to `unreachable`. */
  async #destroyPage(
    page: readonly Listed[],
    order: Order & { readonly of: RaisedEpoch },
    destroyed: Map<string, readonly HolderEntry[]>,
    unreachable: UnreachableServers,
  ): Promise<void> {
    const ids = page.map(({ id }) => id);
    for await (const replies of this.#sendAll(ids, order, unreachable)) {
      for (const [id, reply] of replies) if (reply.type === "destroyed") destroyed.set(id, reply.holders);
      const finished = replies.filter(([, reply]) => isFinished(reply)).map(([id]) => ({ id }));
      this.#subjects.destroyed(order.of.subject, finished).catch(() => undefined);
    }
  }

  /**
   * Destroys the sessions of a subject that this process holds, because the index may have lost some by an
   * eviction or a failover. Sessions that logged in after the destruction are kept. Failures are added to
   * `unreachable`.
   */
  async #destroyHeld(
    of: RaisedEpoch,
    reason: string | undefined,
    membership: Membership | undefined,
    unreachable: UnreachableServers,
    before: ReadonlyMap<string, unknown> = new Map(),
  ): Promise<ReadonlyMap<string, readonly HolderEntry[]>> {
    const destroyed = new Map<string, readonly HolderEntry[]>();
    const held = membership?.heldIdsOf(of.subject) ?? [];
    // Skips the sessions in `before`: the caller closes and counts their connections.
    const ids = held.filter((id) => !before.has(id));
    for await (const replies of this.#sendAll(ids, { reason, of }, unreachable)) {
      for (const [id, reply] of replies) {
        if (reply.type === "destroyed") destroyed.set(id, reply.holders);
        // Destroyed earlier, but the announcement did not reach this process.
        else if (isFinished(reply)) membership?.end(id, reason);
      }
    }
    return destroyed;
  }

  /** As `#destroyHeld`, after another process destroyed the subject's sessions. Also closes their connections. */
  async destroyHeldAndEnd(
    of: RaisedEpoch,
    reason: string | undefined,
    membership: Membership,
  ): Promise<void> {
    const unreachable = new UnreachableServers(this.#services);
    for (const id of (await this.#destroyHeld(of, reason, membership, unreachable)).keys())
      membership.end(id, reason);
    if (unreachable.failure !== undefined) throw notAllDestroyed(unreachable.failure);
  }

  /**
   * Destroys a session that survived the destruction of its subject's sessions, because the index had lost
   * it.
   */
  async destroyOverdue(id: string, of: RaisedEpoch, membership: Membership | undefined): Promise<void> {
    const reply = await this.#send(id, { reason: undefined, of });
    if (reply.type === "destroyed") membership?.end(id, undefined);
    if (isFinished(reply)) await this.#subjects.destroyed(of.subject, [{ id }]);
  }

  /**
   * Runs `destroyAll`, which returns the destroyed sessions with their holders, and collects the
   * confirmations of the holders.
   */
  async #withConfirmations(
    membership: Membership | undefined,
    reason: string | undefined,
    destroyAll: (token: string | undefined) => Promise<ReadonlyMap<string, readonly HolderEntry[]>>,
  ): Promise<StoreDestroyResult> {
    if (membership === undefined) {
      return { destroyed: [...(await destroyAll(undefined)).keys()], closed: 0, unreachable: [] };
    }
    const { confirmMs } = this.#services.settings;
    const { confirmations } = membership;
    const token = String(this.#services.nextSequence());
    confirmations.open(token);
    try {
      await membership.waitForSubscription(performance.now() + confirmMs);
      const destroyed = await destroyAll(token);
      // This process's own connections are closed at once, before other processes confirm.
      let here = 0;
      for (const id of destroyed.keys()) here += membership.end(id, reason);
      const confirmed = await confirmations.collect(token, this.#byNode(destroyed), this.#isDead, confirmMs);
      const closed = here + confirmed.closed;
      return { destroyed: [...destroyed.keys()], closed, unreachable: confirmed.unreachable.map(shownNode) };
    } finally {
      confirmations.close(token);
    }
  }

  /** Destroys sessions of a subject, some at a time. Yields the replies of each batch. Failures are added to `unreachable`. */
  async *#sendAll(
    ids: readonly string[],
    order: Order,
    unreachable: UnreachableServers,
  ): AsyncGenerator<readonly (readonly [id: string, reply: DestroyReply])[], void, void> {
    const send = async (id: string): Promise<(readonly [string, DestroyReply])[]> => {
      try {
        return [[id, await this.#send(id, order)]];
      } catch (error) {
        unreachable.add(error, id);
        return [];
      }
    };
    for (let first = 0; first < ids.length; first += AT_ONCE) {
      const batch = ids.slice(first, first + AT_ONCE).filter((id) => !unreachable.has(id));
      yield (await Promise.all(batch.map(send))).flat();
    }
  }

  async #send(id: string, { reason, token, of, isReplaced = false }: Order): Promise<DestroyReply> {
    const { calls, node, nextSequence } = this.#services;
    const sequence = nextSequence();
    const deadline = calls.deadline();
    const announcement = destroyedMessage(
      id,
      reason,
      token === undefined ? undefined : { node, token },
      isReplaced,
    );
    const command = { id, sequence, announcement, reason, isReplaced, of, deadline };
    try {
      return await destroyWithEvent(this.#services, this.#presence(), command);
    } catch (error) {
      throw this.#unknownOutcomes.remember(error, "destroy", id, sequence, deadline);
    }
  }

  readonly #isDead = async (node: string): Promise<boolean> => {
    const { liveness, settings } = this.#services;
    if (await liveness.look(node)) return false;
    // The process may be alive although its lease was lost; its confirmation is then on its way.
    if (!liveness.isDead(node)) await wait(Math.min(LATE_ANSWER_MS, settings.confirmMs));
    return true;
  };

  /** Groups the destroyed sessions by the other processes that held them. */
  #byNode(holders: ReadonlyMap<string, readonly HolderEntry[]>): ReadonlyMap<string, readonly string[]> {
    const byNode = new Map<string, string[]>();
    for (const [id, nodes] of holders) {
      for (const { node } of nodes) {
        if (node === this.#services.node) continue;
        const ids = byNode.get(node);
        if (ids === undefined) byNode.set(node, [id]);
        else ids.push(id);
      }
    }
    return byNode;
  }
}

/** Whether the session has been replaced by a tombstone. */
function isFinished({ type }: DestroyReply): boolean {
  return type === "destroyed" || type === "denied" || type === "missing";
}

function notAllDestroyed(cause: unknown): Error {
  return unavailable(
    "not all of the subject's sessions could be destroyed",
    "unknown",
    new Error(String(cause)),
  );
}
