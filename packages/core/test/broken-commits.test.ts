import { storeCases } from "@wsession/conformance";
import { mapStore } from "@wsession/core";
import type {
  AppendRequest,
  AppendResult,
  CommitRequest,
  CommitResult,
  MapStore,
  StoredSession,
} from "@wsession/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { failedCases, harnessOf, TRANSACTION_SUBJECTS } from "./failed-cases.ts";

type Commit = (request: CommitRequest) => CommitResult;
type Committed = Extract<CommitResult, { type: "committed" }>;

function now<Result extends object>(answer: Result | PromiseLike<Result>): Result {
  if ("then" in answer) throw new Error("mapStore answers at once");
  return answer;
}

function loaded(store: MapStore, id: string): StoredSession | undefined {
  const session = store.load(id);
  return session === undefined || "then" in session ? undefined : session;
}

/** Appends for any subject. */
function appendTo(store: MapStore, request: AppendRequest): Exclude<AppendResult, { type: "foreign" }> {
  const result = now(store.append!(request));
  return result.type === "foreign" ? expect.fail("no subject was given") : result;
}

/** A map store with a wrapped `commit`. */
function tampered(wrap: (commit: Commit, request: CommitRequest, store: MapStore) => CommitResult) {
  return (): MapStore => {
    const store = mapStore();
    const original = store.commit!.bind(store);
    const commit: Commit = (request) => now(original(request));
    return Object.assign(store, {
      commit: (request: CommitRequest) => wrap(commit, request, store),
    });
  };
}

/** Numbers other than the request's. */
const numbered = (change: (numbers: CommitRequest["numbers"]) => Partial<CommitRequest["numbers"]>) =>
  tampered((commit, request) =>
    commit({ ...request, numbers: { ...request.numbers, ...change(request.numbers) } }),
  );

/** A request other than the caller's. */
const requested = (change: Partial<CommitRequest>) =>
  tampered((commit, request) => commit({ ...request, ...change }));

/** An answer other than the store's. */
const answered = (change: (result: Committed) => CommitResult) =>
  tampered((commit, request) => {
    const result = commit(request);
    return result.type === "committed" ? change(result) : result;
  });

const settlesAlone = tampered((commit, request) => {
  const result = commit({ ...request, change: undefined, outbox: undefined });
  const written = request.change && ({ type: "written", version: 2, session: undefined } as const);
  return result.type === "committed" ? { ...result, written } : result;
});

/** Applies the change, and does not settle the number. */
const changesAlone = tampered((_, { id, numbers, change, outbox, ...rest }, store) => {
  const write = change && now(store.write({ id, change, ...rest }));
  if (write !== undefined && write.type !== "written") return write;
  const append = outbox && appendTo(store, { id, ...outbox, fence: rest.fence });
  if (append !== undefined && append.type !== "appended") return append;
  const record = { settled: numbers.number, refused: numbers.refused, floor: numbers.first };
  return { type: "committed", written: write, appended: append, record };
});

/** Commits in two steps: if the second step is refused, the first one stays applied. */
const keepsMessagesFirst = tampered((commit, request, store) => {
  const { id, outbox, fence } = request;
  const result = outbox && appendTo(store, { id, ...outbox, fence });
  if (result !== undefined && result.type !== "appended") return result;
  const rest = commit({ ...request, outbox: undefined });
  return rest.type === "committed" ? { ...rest, appended: result } : rest;
});

const settlesConflicts = tampered((commit, request) => {
  const result = commit(request);
  if (result.type === "conflict" || result.type === "full")
    commit({ ...request, expect: undefined, change: undefined, outbox: undefined });
  return result;
});

const lastDecides = tampered((commit, request, store) => {
  const result = commit(request);
  const { id, change } = request;
  if (result.type === "settled" && change) void store.write({ ...request, id, change, expect: undefined });
  return result;
});

/** Accepts any forget mark, so a forgotten client looks like a new client. */
const forgetsInSilence = tampered((commit, request, store) => {
  const mark = loaded(store, request.id)?.clients?.mark ?? 0;
  return commit({ ...request, numbers: { ...request.numbers, mark } });
});

const touches = tampered((commit, request, store) => {
  void store.touch(request.id, 1e9);
  return commit(request);
});

const looksAtVersionsFirst = tampered((commit, request, store) => {
  const session = loaded(store, request.id);
  const { expect: expected } = request;
  return session !== undefined && expected !== undefined && session.version !== expected
    ? { type: "conflict", session }
    : commit(request);
});

const bounds = (change: Partial<NonNullable<CommitRequest["outbox"]>["bounds"]>) =>
  tampered((commit, request) => {
    const { outbox } = request;
    return commit({ ...request, outbox: outbox && { ...outbox, bounds: { ...outbox.bounds, ...change } } });
  });

const countsEmptyOnes = tampered((commit, request) =>
  commit({ ...request, change: request.change ?? { type: "fields", set: {}, unset: [] } }),
);

/** The names of the cases of transactions that the store fails. */
function caught(make: () => MapStore): Promise<string[]> {
  return failedCases(harnessOf(make, true), (subject) => TRANSACTION_SUBJECTS.includes(subject));
}

describe("the store suite catches a store whose commit", () => {
  afterEach(() => void vi.useRealTimers());

  test("is correct (in no case: the suite passes)", async () => {
    expect(await caught(tampered((commit, request) => commit(request)))).toEqual([]);
  });

  test.each([
    ["settles a number without applying the change", settlesAlone, /^I21, I22 a commit settles/],
    ["applies the change without settling the number", changesAlone, /^I21 a number is settled once/],
    ["keeps the messages in a separate step", keepsMessagesFirst, /^I21 a conflict changes nothing/],
    ["settles the number although it refuses the commit", settlesConflicts, /^I21, I22 with whenFull refuse/],
    [
      "lets the last commit of a number replace the outcome of the first",
      lastDecides,
      /^I21 a number is settled once/,
    ],
    [
      "gives two messages the same offset",
      answered((result) => ({
        ...result,
        appended: result.appended && { ...result.appended, offset: 1 },
      })),
      /^I22 messages of commits and of appends/,
    ],
    [
      "does not record which numbers were refused",
      numbered(() => ({ refused: [] })),
      /^I21 refusals among the last 48/,
    ],
    [
      "lets a later commit turn a refusal into success",
      numbered(({ refused, number }) => ({ refused: refused.filter((one) => one === number) })),
      /^I21 outcomes in the record/,
    ],
    ["forgets a client without changing the forget mark", forgetsInSilence, /^I21 of 9 clients/],
    [
      "does not detect that the store lost settled numbers",
      numbered(() => ({ settled: 0 })),
      /^I21 a store with a lower settled number/,
    ],
    [
      "creates a record that covers numbers from before its first commit",
      numbered(() => ({ first: 1 })),
      /^I21 numbers below/,
    ],
    [
      "compares versions before it reads the client record",
      looksAtVersionsFirst,
      /^I21 the client record is checked/,
    ],
    ["ignores the expected version", requested({ expect: undefined }), /^I21 a conflict changes/],
    ["ignores the fence of the connection", requested({ fence: undefined }), /^I13 a commit/],
    ["moves the idle deadline", touches, /^a commit does not move/],
    ["raises the version without a change", countsEmptyOnes, /^a commit without a change/],
    [
      "drops messages although whenFull is refuse",
      bounds({ whenFull: "drop-oldest" }),
      /^I21, I22 with whenFull/,
    ],
    ["ignores maxMessages", bounds({ maxMessages: Infinity }), /^I22 messages of commits/],
  ] as const)("%s", async (_, make, name) => {
    expect(await caught(make)).toEqual(expect.arrayContaining([expect.stringMatching(name)]));
  });
});

test("the store suite skips the cases of transactions for a store without commit", () => {
  const capabilities = { resumable: true, shared: false, values: "any", outbox: true } as const;
  for (const subject of TRANSACTION_SUBJECTS)
    for (const { applies } of storeCases[subject] ?? expect.fail(subject))
      expect([applies?.(capabilities, {}), applies?.(capabilities)]).toEqual([false, false]);
});
