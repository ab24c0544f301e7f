import type {
  AppendRequest,
  AppendResult,
  CommitRequest,
  CommitResult,
  WriteRequest,
  WriteResult,
} from "@wsession/core";
import { encodeChange } from "../base/codec.ts";
import { isSessionId } from "../base/keys.ts";
import { wasOvertaken } from "../base/failures.ts";
import { append } from "../commands/append.ts";
import { commit } from "../commands/commit.ts";
import { goneSince, type Missing } from "../commands/reply.ts";
import { write } from "../commands/write.ts";
import type { Services } from "../holders/services.ts";
import type { UnknownOutcomes } from "./unknown-outcomes.ts";

const MISSING = { type: "missing" } as const;

/** Writes, appends and commits. Each is applied at most once, and its outcome can be found out later. */
export class SessionChanges {
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

  async write(request: WriteRequest): Promise<WriteResult> {
    if (!isSessionId(request.id)) return MISSING;
    const { maxBytes } = this.#services.settings;
    const encoded = encodeChange(request.change, request.expect, maxBytes);
    return this.#once(request.id, (sequence, deadline) =>
      write(this.#services, { request, encoded, sequence, maxBytes, deadline }),
    );
  }

  async append(request: AppendRequest): Promise<AppendResult> {
    if (!isSessionId(request.id)) return MISSING;
    return this.#once(request.id, (sequence, deadline) =>
      append(this.#services, { request, sequence, deadline }),
    );
  }

  async commit(request: CommitRequest): Promise<CommitResult> {
    if (!isSessionId(request.id)) return MISSING;
    const { maxBytes } = this.#services.settings;
    const encoded = request.change && encodeChange(request.change, request.expect, maxBytes);
    return this.#once(request.id, (sequence, deadline) =>
      commit(this.#services, { request, encoded, sequence, maxBytes, deadline }),
    );
  }

  async #once<Result extends { readonly type: string }>(
    id: string,
    send: (sequence: number, deadline: number) => Promise<Result | Missing>,
    deadline: number = this.#services.calls.deadline(),
  ): Promise<Result | { readonly type: "missing" }> {
    const { nextSequence } = this.#services;
    // Redis has one record of this process's last change of the session, and this change overwrites that record.
    const before = this.#unknownOutcomes.decideLast(id, deadline);
    if (before !== undefined) await before;
    const sequence = nextSequence();
    try {
      const reply = await send(sequence, deadline);
      if (!isMissing(reply)) return reply;
      const result = this.#onMissing(id, reply);
      if (reply.isRepeat) throw goneSince();
      return result;
    } catch (error) {
      // A server that does not have the script yet refuses the first of several changes that were sent together. It may run the
      // later changes, because another process has sent it the script meanwhile.
      if (wasOvertaken(error)) return this.#once(id, send, deadline);
      throw this.#unknownOutcomes.remember(error, "write", id, sequence, deadline);
    }
  }
}

function isMissing(reply: { readonly type: string }): reply is Missing {
  return reply.type === "missing";
}
