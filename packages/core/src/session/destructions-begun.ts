import type { Ending } from "../base/endings.ts";

/**
 * Destructions that this process has sent to the store. Another call of the same session may get the answer that the session is gone
 * before the answer to the destruction arrives (race), and would end the connections without the reason of the destruction.
 */
export class DestructionsBegun {
  readonly #bySession = new Map<string, Ending>();
  readonly #bySubject = new Map<string, Ending>();

  /** The ending of the destruction that has begun for the session, or for all sessions of its subject. */
  of({ id, subject }: { readonly id: string; readonly subject: string | undefined }): Ending | undefined {
    return this.#bySession.get(id) ?? (subject === undefined ? undefined : this.#bySubject.get(subject));
  }

  ofSession<Result>(id: string, ending: Ending, destroy: () => Promise<Result>): Promise<Result> {
    return during(this.#bySession, id, ending, destroy);
  }

  ofSubject<Result>(subject: string, ending: Ending, destroy: () => Promise<Result>): Promise<Result> {
    return during(this.#bySubject, subject, ending, destroy);
  }
}

/** Of two destructions at a time the first counts, because the store gives the session its reason too. */
async function during<Result>(
  begun: Map<string, Ending>,
  key: string,
  ending: Ending,
  destroy: () => Promise<Result>,
): Promise<Result> {
  if (begun.has(key)) return destroy();
  begun.set(key, ending);
  try {
    return await destroy();
  } finally {
    begun.delete(key);
  }
}
