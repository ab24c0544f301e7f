import { type ConfirmationRequest, confirmationMessage } from "../announcements/announcements.ts";
import type { Services } from "../holders/services.ts";

/** Sends to other processes how many connections this process closed for their destructions. */
export class ConfirmationReplies {
  readonly #services: Services;
  readonly #failed: (error: unknown) => void;
  /** The closed connections of this turn with their sessions, by the destruction that they confirm. */
  readonly #closed = new Map<string, (readonly [id: string, closed: number])[]>();

  constructor(services: Services, failed: (error: unknown) => void) {
    this.#services = services;
    this.#failed = failed;
  }

  /** Confirms at the end of this turn. One message has all sessions of one destruction, because there may be thousands. */
  add({ node, token }: ConfirmationRequest, id: string, closed: number): void {
    const key = `${node} ${token}`;
    const added = this.#closed.get(key);
    if (added !== undefined) {
      added.push([id, closed]);
      return;
    }
    const pairs: [string, number][] = [[id, closed]];
    this.#closed.set(key, pairs);
    setImmediate(() => {
      this.#closed.delete(key);
      this.#publish(node, id, confirmationMessage(token, this.#services.node, pairs)).catch(this.#failed);
    });
  }

  /**
   * Publishes to another process through the server of a session that has just been changed, because other
   * servers of a Cluster may be unreachable.
   */
  async #publish(node: string, id: string, message: string): Promise<void> {
    const { calls, counters, keys, shards } = this.#services;
    const tag = shards.tagOf(keys.session(id)) ?? "";
    counters.announcementsSent += 1;
    const spublish = (): Promise<unknown> =>
      calls.command("spublish", [keys.shardChannel(node, tag), message]).catch(() => 0);
    if (tag === "" || Number(await spublish()) === 0)
      await calls.command("publish", [keys.channel(node), message]);
  }
}
