import type { DueQueue } from "./due-queue.ts";
import { idsOf, queuePage, removeUnchanged } from "../commands/queue.ts";
import { asArray, texts } from "../commands/reply.ts";
import type { Looks } from "./looks.ts";
import { endClaim, renewClaim } from "../queues/queue-claim.ts";
import type { Services } from "../holders/services.ts";

/** Entries that are taken over at once. */
const PAGE = 64;

/**
 * Takes over the queues of processes without a lease: each session is looked at, so its connections count as lost, and moves to the
 * queue of this process.
 */
export class Adoption {
  readonly #services: Services;
  readonly #queue: DueQueue;
  readonly #looks: Looks;
  #isRunning = false;
  #isClosed = false;
  /**
   * No queue is taken over before this time, by this process's clock, because after an outage live processes may have no lease
   * for a moment.
   */
  #quietUntil = 0;

  constructor(services: Services, queue: DueQueue, looks: Looks) {
    this.#services = services;
    this.#queue = queue;
    this.#looks = looks;
  }

  /**
   * Call this after leases may have been lost. For the length of one lease, a missing lease does not mean that its process is
   * dead.
   */
  wait(): void {
    this.#quietUntil = performance.now() + this.#services.settings.leaseMs;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Looks for queues of dead processes, and takes them over. Never rejects: the next run repeats a step that failed. */
  async run(): Promise<void> {
    if (this.#isRunning || !this.#mayRun) return;
    this.#isRunning = true;
    try {
      await this.#takeOver();
    } catch {
      // Redis did not answer.
    } finally {
      this.#isRunning = false;
    }
  }

  get #mayRun(): boolean {
    return !this.#isClosed && performance.now() >= this.#quietUntil;
  }

  async #takeOver(): Promise<void> {
    const { calls, keys, liveness, node: own } = this.#services;
    const queues = texts(asArray(await calls.command("smembers", [keys.queues])));
    const nodes = new Set(queues.map(nodeOf));
    const lost = new Set<string>();
    const look = async (node: string): Promise<void> => {
      if (node !== own && !(await liveness.look(node))) lost.add(node);
    };
    await Promise.all([...nodes].map(look));
    await this.#looks.checkLost(lost);
    for (const queue of queues) if (lost.has(nodeOf(queue))) await this.#moveEntries(queue);
  }

  /**
   * Moves the entries of a dead process's queue to the queue of this process, while this process has the claim. The entries are
   * read before the lease is checked, and removed only if they are unchanged. A process that runs again sets its lease, and then
   * lists its sessions again. These new entries must stay, even if this process is stopped meanwhile.
   */
  async #moveEntries(queue: string): Promise<void> {
    const { calls, keys, node, settings } = this.#services;
    const claimer = { calls, node, leaseMs: settings.leaseMs };
    const claim = keys.queueClaim(queue);
    for (;;) {
      if (!(await renewClaim(claimer, claim))) return;
      const page = await queuePage(this.#services, keys.queue(queue), PAGE);
      if (!this.#mayRun || (await this.#services.liveness.look(nodeOf(queue)))) return;
      const ids = idsOf(page);
      if (ids.length === 0) break;
      // List the sessions in this process's queue first, because otherwise they are lost if this process dies too.
      await this.#queue.listAll(ids, 0);
      await removeUnchanged(this.#services, keys.queue(queue), page);
      await Promise.allSettled(ids.map((id) => this.#looks.at(id)));
    }
    await calls.command("srem", [keys.queues, queue]);
    await endClaim(claimer, claim);
  }
}

/** The process of a queue. */
function nodeOf(queue: string): string {
  const end = queue.indexOf("{");
  return end === -1 ? queue : queue.slice(0, end);
}
