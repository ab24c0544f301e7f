import type { StateChange } from "../commands/state-change.ts";
import { publishToWatchers, type PublishedChange } from "../commands/watching.ts";
import { grouped } from "../base/grouped.ts";
import { numberOf } from "../base/subject-numbers.ts";
import { stateText } from "../announcements/announcements.ts";
import type { Recording } from "../holders/recording.ts";
import type { Services } from "../holders/services.ts";

/** The most changes in one call of the script. Such a call takes Redis less than a millisecond. */
const AT_ONCE = 128;

/**
 * Publishes changes of sessions to the processes that watch their subjects, in the order of the changes. The changes of one turn
 * share a script and a message, because each of these costs more than a change. Changes do not wait longer than a turn. Otherwise
 * another process could publish a later change of the same session first, and the watching processes would ignore the earlier one. No
 * failure is reported, because the sweep of a watching process finds a change whose message was lost.
 */
export class ChangePublisher {
  readonly #services: Pick<Services, "calls" | "keys" | "connection">;
  readonly #recording: Recording;
  #waiting: PublishedChange[] = [];

  constructor(services: Pick<Services, "calls" | "keys" | "connection">, recording: Recording) {
    this.#services = services;
    this.#recording = recording;
  }

  publish(id: string, { subject, type, stamp }: StateChange): void {
    if (!this.#recording.isWatched) return;
    const number = numberOf(subject, this.#services.connection.isCluster);
    this.#waiting.push({ subject: number, text: stateText(id, number.hash, type, stamp) });
    // `nextTick` runs after the other replies of this turn.
    if (this.#waiting.length === 1) process.nextTick(() => void this.flush());
  }

  /** Resolves once all changes so far are published, or could not be published. */
  async flush(): Promise<void> {
    const changes = this.#waiting;
    if (changes.length === 0) return;
    this.#waiting = [];
    const sent: Promise<void>[] = [];
    for (let first = 0; first < changes.length; first += AT_ONCE)
      sent.push(...this.#send(changes.slice(first, first + AT_ONCE)));
    await Promise.allSettled(sent);
  }

  #send(changes: readonly PublishedChange[]): Promise<void>[] {
    const byBucket = grouped(changes, ({ subject }) => subject.bucket);
    return [...byBucket].map(([bucket, group]) => publishToWatchers(this.#services, bucket, group));
  }
}
