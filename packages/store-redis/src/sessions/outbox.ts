import type { AppendRequest, AppendResult, ReadRequest, ReadResult } from "@wsession/core";
import { isSessionId } from "../base/keys.ts";
import { append } from "../commands/append.ts";
import { read } from "../commands/read.ts";
import { goneSince, type Missing } from "../commands/reply.ts";
import type { Services } from "../processes/services.ts";
import type { UnknownOutcomes } from "./unknown-outcomes.ts";

/** The outboxes. The kept messages of a session are in a list of their own, in the session's slot. */
export class Outbox {
  readonly #services: Services;
  readonly #unknownOutcomes: UnknownOutcomes;
  readonly #onMissing: (id: string, found: Missing) => { readonly type: "missing" };

  constructor(
    services: Services,
    unknownOutcomes: UnknownOutcomes,
    onMissing: (id: string, found: Missing) => { readonly type: "missing" },
  ) {
    this.#services = services;
    this.#unknownOutcomes = unknownOutcomes;
    this.#onMissing = onMissing;
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    const { id } = request;
    const { calls, nextSequence } = this.#services;
    if (!isSessionId(id)) return { type: "missing" };
    const deadline = calls.deadline();
    // Redis has one record of this process's last change of the session, and the append overwrites that record.
    const before = this.#unknownOutcomes.settleLast(id, deadline);
    if (before !== undefined) await before;
    const sequence = nextSequence();
    try {
      const reply = await append(this.#services, { request, sequence, deadline });
      if (reply.type !== "missing") return reply;
      const result = this.#onMissing(id, reply);
      if (reply.isRepeat) throw goneSince();
      return result;
    } catch (error) {
      throw this.#unknownOutcomes.remember(error, "write", id, sequence, deadline);
    }
  }

  async read(request: ReadRequest): Promise<ReadResult> {
    if (!isSessionId(request.id)) return { type: "missing" };
    const reply = await read(this.#services, request);
    return reply.type === "missing" ? this.#onMissing(request.id, reply) : reply;
  }
}
