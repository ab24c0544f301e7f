import { setTimeout as wait } from "node:timers/promises";
import { applyChange, forbiddenField } from "./change.ts";
import { asStoreError, fencedError, goneError, isSessionError, SessionError } from "./errors.ts";
import type { Awaitable } from "./handshake.ts";
import type { Mark, SessionState, Write, Writes } from "./session-state.ts";
import type { Change, WriteRequest, WriteResult } from "./store.ts";
import { isRefusedPromise } from "./synchronous.ts";

interface Waiting<Data extends object> extends Write<Data> {
  /** Not to be sent with others: the store refused the batch that it was in. */
  readonly single: boolean;
  readonly resolve: (data: Readonly<Data>) => void;
  readonly reject: (error: unknown) => void;
}

interface Plan<Data extends object> {
  readonly request: WriteRequest;
  readonly next: Readonly<Data>;
  readonly asked: Mark;
  /** The writes that are in it, each with the data as it stood right after it. */
  readonly results: ReadonlyMap<Waiting<Data>, Readonly<Data>>;
}

/** Writers on other processes would have to win this often in a row for a write to fail with CONFLICT. */
const MAX_TRIES = 1_000;
/** Tries at once before a pause; pauses keep writers that go on trying out of each other's way. */
const EAGER_TRIES = 4;
const MAX_PAUSE_MS = 32;

/**
 * Sends a session's writes one at a time, in order; what piles up in between travels as one (I8, I10). Where the store
 * is shared, what is written in one tick travels as one too.
 */
export class WriteQueue<Data extends object> implements Writes<Data> {
  readonly #state: SessionState<Data>;
  #waiting: Waiting<Data>[] = [];
  readonly #tasks: (() => Promise<unknown>)[] = [];
  #busy = false;
  #scheduled = false;

  constructor(state: SessionState<Data>) {
    this.#state = state;
  }

  write(write: Write<Data>): Promise<Readonly<Data>> {
    if (this.#state.gone) return Promise.reject(goneError());
    const written = new Promise<Readonly<Data>>((resolve, reject) => {
      this.#waiting.push({ ...write, single: false, resolve, reject });
    });
    if (!this.#state.context.store.capabilities.shared) this.#flush();
    else if (!this.#scheduled && !this.#busy) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return written;
  }

  alone<Result>(task: () => Awaitable<Result>): Promise<Result> {
    const done = new Promise<Result>((resolve, reject) => {
      this.#tasks.push(async () => {
        try {
          resolve(await task());
        } catch (error) {
          reject(asStoreError(error));
        }
      });
    });
    this.#flush();
    return done;
  }

  #flush(): void {
    while (!this.#busy) {
      const task = this.#tasks.shift();
      if (task !== undefined) this.#occupy(task(), () => undefined);
      else if (this.#waiting.length > 0) this.#attempt(this.#take(), 1);
      else return;
    }
  }

  /** Nothing else is sent until `running` has settled and `then` has run. */
  #occupy<Result>(
    running: Promise<Result>,
    then: (result: Result) => void,
    failed?: (error: unknown) => void,
  ): void {
    this.#busy = true;
    const settled = running.then(
      (result) => this.#free(() => then(result)),
      (error: unknown) => this.#free(() => failed?.(error)),
    );
    this.#state.context.track(settled);
  }

  #free(then: () => void): void {
    this.#busy = false;
    then();
    this.#flush();
  }

  /** The writes at the head that may travel together. */
  #take(): Waiting<Data>[] {
    const [first] = this.#waiting;
    const end =
      first?.single === true
        ? 1
        : this.#waiting.findIndex((write) => write.single || write.fence !== first?.fence);
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  #attempt(batch: readonly Waiting<Data>[], tries: number): void {
    const state = this.#state;
    if (state.gone) return rejectAll(batch, goneError());
    const plan = makePlan(state, batch);
    if (plan.results.size === 0) return;
    const { store, diagnostics } = state.context;
    diagnostics.writes += 1;
    diagnostics.writeTriesMax = Math.max(diagnostics.writeTriesMax, tries);
    let answer: Awaitable<WriteResult>;
    try {
      answer = store.write(plan.request);
    } catch (error) {
      return this.#failed(plan, error);
    }
    if ("type" in answer) return this.#settle(plan, answer, tries);
    this.#occupy(
      Promise.resolve(answer),
      (result) => this.#settle(plan, result, tries),
      (error) => this.#failed(plan, error),
    );
  }

  #settle(plan: Plan<Data>, result: WriteResult, tries: number): void {
    const state = this.#state;
    const batch = [...plan.results.keys()];
    switch (result.type) {
      case "written":
        this.#adopt(plan, result);
        for (const [write, data] of plan.results) write.resolve(data);
        return;
      case "conflict":
        return this.#retry(plan, result, tries);
      case "missing":
        state.vanish({ code: 4410, reason: "session gone" });
        return rejectAll(batch, goneError());
      case "fenced":
        // Which fence is up is not known here, only that it is past the one that was sent.
        state.replace((plan.request.fence ?? 0) + 1);
        return rejectAll(batch, fencedError());
    }
  }

  #adopt(plan: Plan<Data>, result: Extract<WriteResult, { type: "written" }>): void {
    const state = this.#state;
    try {
      if (result.session !== undefined) state.adopt(result.session, plan.asked);
      else
        state.advance(
          result.version,
          plan.next,
          new Set([...plan.results.keys()].map((write) => write.writer)),
        );
    } catch (error) {
      // The write is applied, whatever this process can make of what others had written before it.
      state.context.report(error, { stage: "store", sessionId: state.id });
    }
  }

  #retry(plan: Plan<Data>, result: Extract<WriteResult, { type: "conflict" }>, tries: number): void {
    const batch = [...plan.results.keys()];
    this.#state.context.diagnostics.conflicts += 1;
    try {
      this.#state.adopt(result.session, plan.asked);
    } catch (error) {
      return rejectAll(batch, error);
    }
    if (tries >= MAX_TRIES) return rejectAll(batch, conflictError());
    if (tries < EAGER_TRIES) return this.#attempt(batch, tries + 1);
    const pause = Math.random() * Math.min(MAX_PAUSE_MS, 2 ** (tries - EAGER_TRIES + 1));
    this.#occupy(wait(pause), () => this.#attempt(batch, tries + 1));
  }

  /** Where a store refused a batch for one write's data, each is sent alone, so that no other pays for it. */
  #failed(plan: Plan<Data>, error: unknown): void {
    const batch = [...plan.results.keys()];
    if (isSessionError(error, "SESSION_GONE")) this.#state.vanish({ code: 4410, reason: "session gone" });
    const aboutData = isSessionError(error, "NOT_SERIALISABLE") || isSessionError(error, "TOO_LARGE");
    if (aboutData && batch.length > 1)
      this.#waiting.unshift(...batch.map((write) => ({ ...write, single: true })));
    else rejectAll(batch, asStoreError(error));
  }
}

/** Runs the writes over the state as it is; one that throws is rejected, and the others go on without it. */
function makePlan<Data extends object>(
  state: SessionState<Data>,
  batch: readonly Waiting<Data>[],
): Plan<Data> {
  const base = state.data;
  const results = new Map<Waiting<Data>, Readonly<Data>>();
  const patched = new Set<string>();
  let next: Readonly<Data> = base;
  let patchesAlone = true;
  let reads = false;
  for (const write of batch) {
    try {
      next = state.protect(state.check(applyWrite(write.kind, next)));
    } catch (error) {
      write.reject(error);
      continue;
    }
    results.set(write, next);
    if (write.kind.type === "patch") for (const name of Object.keys(write.kind.fields)) patched.add(name);
    else patchesAlone = false;
    if (write.kind.type === "update") reads = true;
  }
  // Of a record of another schema version nothing may stay: fields of two versions would be in it, under one number.
  const whole = state.isOtherVersion;
  const change: Change =
    patchesAlone && !whole
      ? pick(next, patched)
      : { type: "replace", data: next, base: reads && !whole ? base : undefined };
  const request: WriteRequest = {
    id: state.id,
    change,
    expect: reads || whole ? state.version : undefined,
    known: state.version,
    fence: batch[0]?.fence,
    schemaVersion: state.context.settings.schemaVersion,
  };
  return { request, next, results, asked: state.mark };
}

/** These fields of `data`, as a change: one that is not there any more is removed. */
function pick(data: object, names: ReadonlySet<string>): Change {
  const present = new Map<string, unknown>(Object.entries(data));
  const set: Record<string, unknown> = {};
  const unset: string[] = [];
  for (const name of names) {
    if (present.has(name)) set[name] = present.get(name);
    else unset.push(name);
  }
  return { type: "fields", set, unset };
}

function applyWrite<Data extends object>(kind: Write<Data>["kind"], data: Readonly<Data>): object {
  if (kind.type === "set") return kind.data;
  if (kind.type === "patch") return patchData(data, kind.fields);
  const next: object = kind.change(data);
  if (typeof next !== "object" || next === null || isRefusedPromise(next)) {
    throw new SessionError(
      "INVALID_ARGUMENT",
      "update takes a synchronous function that returns the next data",
      {
        outcome: "not-applied",
      },
    );
  }
  return next;
}

function patchData(data: object, fields: object): object {
  const forbidden = forbiddenField(fields);
  if (forbidden !== undefined) {
    throw new SessionError("INVALID_DATA", `a session can't have a field called ${forbidden}`, {
      outcome: "not-applied",
    });
  }
  const entries = Object.entries(fields);
  return applyChange(data, {
    type: "fields",
    set: Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    unset: entries.filter(([, value]) => value === undefined).map(([name]) => name),
  });
}

function rejectAll(batch: readonly { readonly reject: (error: unknown) => void }[], error: unknown): void {
  for (const write of batch) write.reject(error);
}

function conflictError(): SessionError {
  return new SessionError("CONFLICT", `other writers came first ${MAX_TRIES} times`, {
    outcome: "not-applied",
  });
}
