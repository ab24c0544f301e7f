import { mapStore } from "@wsession/core";
import type { AppendRequest, AppendResult, ReadRequest, ReadResult } from "@wsession/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { failedCases, harnessOf } from "./failed-cases.ts";

/** A map store whose append and read are wrapped. */
function tampered(wrap: {
  readonly append?: (
    append: (request: AppendRequest) => AppendResult,
    request: AppendRequest,
  ) => AppendResult;
  readonly read?: (read: (request: ReadRequest) => ReadResult, request: ReadRequest) => ReadResult;
}) {
  const store = mapStore();
  const now = <Result extends object>(answer: Result | PromiseLike<Result>): Result => {
    if ("then" in answer) throw new Error("mapStore answers at once");
    return answer;
  };
  const append = (request: AppendRequest) => now(store.append!.bind(store)(request));
  const read = (request: ReadRequest) => now(store.read!.bind(store)(request));
  const original = { append: store.append!.bind(store), read: store.read!.bind(store) };
  return Object.assign(store, {
    append: (request: AppendRequest) =>
      wrap.append === undefined
        ? original.append(request)
        : wrap.append((given) => now(original.append(given)), request),
    read: (request: ReadRequest) =>
      wrap.read === undefined
        ? original.read(request)
        : wrap.read((given) => now(original.read(given)), request),
    unwrapped: { append, read },
  });
}

type Store = ReturnType<typeof tampered>;

/** Answers each append with the offset of the first one. */
const givesOffsetsTwice = () =>
  tampered({
    append(append, request) {
      const result = append(request);
      return result.type === "appended" ? { ...result, offset: 1 } : result;
    },
  });

/** Makes each chain depend on the message's mark alone: an append that is sent again after a loss has the same chain. */
const drawsChains = () => {
  let chain = 0;
  return tampered({
    append(append, request) {
      const messages = request.messages.map((message) => {
        const mark = (((message.mark - chain * 69_069) % 2 ** 31) + 2 ** 31) % 2 ** 31;
        chain = message.mark;
        return { ...message, mark };
      });
      return append({ ...request, messages });
    },
  });
};

/** Never reports missed messages. */
const tellsOfNoLoss = () =>
  tampered({
    read(read, request) {
      const result = read(request);
      return result.type === "read" ? { ...result, missed: undefined } : result;
    },
  });

/** Compares only offsets, as schemes with one epoch for each server do. */
const ignoresChains = () =>
  tampered({
    read(read, request) {
      const { end, start, entries } = asRead(read({ ...request, from: { offset: 0, chain: 0 } }));
      const { offset } = request.from;
      const chain = offset === start.offset ? start.chain : entries[offset - start.offset - 1]?.chain;
      const from = chain === undefined ? request.from : { offset, chain };
      return read({ ...request, from: offset > end.offset ? end : from });
    },
  });

const ignoresWitnesses = () =>
  tampered({ read: (read, request) => read({ ...request, witness: undefined }) });

const ignoresTtl = () =>
  tampered({
    append: (append, request) =>
      append({ ...request, messages: request.messages.map((one) => ({ ...one, ttlMs: undefined })) }),
  });

const ignoresKeys = () =>
  tampered({
    append: (append, request) =>
      append({ ...request, messages: request.messages.map((one) => ({ ...one, key: undefined })) }),
  });

const bounded =
  (bounds: Partial<AppendRequest["bounds"]>): (() => Store) =>
  () =>
    tampered({
      append: (append, request) => append({ ...request, bounds: { ...request.bounds, ...bounds } }),
    });

const ignoresFences = () =>
  tampered({ append: (append, request) => append({ ...request, fence: undefined }) });

const ignoresSubjects = () =>
  tampered({ append: (append, request) => append({ ...request, subject: undefined }) });

const ignoresReaders = () => tampered({ read: (read, request) => read({ ...request, reader: undefined }) });

const ignoresPages = () => tampered({ read: (read, request) => read({ ...request, maxBytes: Infinity }) });

function asRead(result: ReadResult): Extract<ReadResult, { type: "read" }> {
  return result.type === "read" ? result : expect.fail(result.type);
}

/** The names of the cases of outboxes that the store fails. */
function caught(make: () => Store): Promise<string[]> {
  return failedCases(harnessOf(make, false), (subject) => subject.includes("outbox"));
}

describe("the store suite catches a store whose outbox", () => {
  afterEach(() => void vi.useRealTimers());

  test("is correct (in no case: the suite passes)", async () => {
    expect(await caught(() => tampered({}))).toEqual([]);
  });

  test.each([
    ["gives two messages the same offset", givesOffsetsTwice, /^I19 racing appends/],
    ["computes a chain without the chain before it", drawsChains, /^I19 the chain covers/],
    ["does not report missed offsets", tellsOfNoLoss, /^I16, I20 over maxMessages/],
    ["does not compare the chain of a position", ignoresChains, /^I19 a position with another chain/],
    ["does not check the witness", ignoresWitnesses, /^I19 a witness ahead/],
    ["keeps a message after its ttlMs", ignoresTtl, /^a message whose ttlMs is over/],
    ["keeps both messages of one key", ignoresKeys, /^a message replaces/],
    ["ignores maxMessages", bounded({ maxMessages: Infinity }), /^I16, I20 over maxMessages/],
    ["ignores maxBytes", bounded({ maxBytes: Infinity }), /^I20 over maxBytes/],
    ["ignores maxAgeMs", bounded({ maxAgeMs: Infinity }), /^I20 messages older than maxAgeMs/],
    [
      "drops messages although whenFull is refuse",
      bounded({ whenFull: "drop-oldest" }),
      /^I20 with whenFull refuse a message/,
    ],
    ["ignores the fence of the connection", ignoresFences, /^I13 an append/],
    [
      "keeps a message for a subject in another subject's session",
      ignoresSubjects,
      /^a message for a subject is not kept/,
    ],
    [
      "drops the positions of its readers",
      ignoresReaders,
      /^I20 with whenFull refuse messages that every reader has/,
    ],
    [
      "returns all messages in one answer, whatever maxBytes is",
      ignoresPages,
      /^I20 an answer has at most maxBytes/,
    ],
  ] as const)("%s", async (_, make, name) => {
    expect(await caught(make)).toEqual(expect.arrayContaining([expect.stringMatching(name)]));
  });
});
