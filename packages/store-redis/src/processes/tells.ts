import type { StateChange } from "../commands/state-change.ts";
import { tellWatchers } from "../commands/watching.ts";
import { numberOf } from "../base/subject-numbers.ts";
import { stateMessage } from "./announcements.ts";
import type { Recording } from "./recording.ts";
import type { Services } from "./services.ts";

/**
 * Tells the processes that watch a subject of changes of its sessions. A message that is lost is made up for by their sweeps, so no
 * failure is reported.
 */
export class Tells {
  readonly #services: Services;
  readonly #recording: Recording;

  constructor(services: Services, recording: Recording) {
    this.#services = services;
    this.#recording = recording;
  }

  tell(id: string, { subject, type, stamp }: StateChange): void {
    if (!this.#recording.isWatched) return;
    const number = numberOf(subject);
    const message = stateMessage(id, number.hash, type, stamp);
    tellWatchers(this.#services, number, message).catch(() => undefined);
  }
}
