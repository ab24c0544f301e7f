/** Combines several writes of one session into one request to the store. */
import { copyable } from "../store/copyable.ts";
import { applyChange, forbiddenField, readData } from "../store/change.ts";
import { invalidArgument, SessionError } from "../base/errors.ts";
import { fenceOf } from "./session-connection.ts";
import type { VersionStamp, LocalSession } from "./local-session.ts";
import type { Write } from "./writes.ts";
import type { Change, WriteRequest } from "../store/contract.ts";
import { isRefusedPromise } from "../base/promises.ts";

/** A write whose caller awaits it. */
export interface QueuedWrite<Data extends object> extends Write<Data> {
  /** The write is sent alone, because the store refused the batch that it was in. */
  readonly isSingle: boolean;
  /** The data right after this write, in the last plan that the write was in. */
  result: Readonly<Data> | undefined;
  readonly resolve: (data: Readonly<Data>) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that are sent as one request. */
export interface Plan<Data extends object> {
  readonly request: WriteRequest;
  readonly next: Readonly<Data>;
  readonly versionAtRequest: VersionStamp;
  /** The writes of the request, in order. */
  readonly writes: readonly QueuedWrite<Data>[];
}

/** Applies the writes to the data of the state, in order. A write that throws is rejected, and is not part of the plan. */
export function makePlan<Data extends object>(
  state: LocalSession<Data>,
  batch: readonly QueuedWrite<Data>[],
): Plan<Data> {
  const base = state.data;
  let next: Readonly<Data> = base;
  const writes = batch.filter((write) => {
    try {
      next = dataAfter(state, next, write.kind);
    } catch (error) {
      write.reject(error);
      return false;
    }
    write.result = next;
    return true;
  });
  const reads = writes.some(({ kind }) => kind.type === "update");
  const isWhole = state.isOtherVersion;
  const request: WriteRequest = {
    id: state.id,
    change: changeBy(writes, next, reads && !isWhole ? base : undefined, isWhole),
    expect: reads || isWhole ? state.version : undefined,
    known: state.version,
    lineage: state.lineage,
    fence: fenceOf(batch[0]?.writer),
    schemaVersion: state.context.settings.schemaVersion,
  };
  return { request, next, versionAtRequest: state.versionStamp, writes };
}

/** The session's data after one more write. Throws the error of the application's function, and INVALID_DATA. */
export function dataAfter<Data extends object>(
  state: LocalSession<Data>,
  data: Readonly<Data>,
  kind: Write<Data>["kind"],
): Readonly<Data> {
  return state.protect(state.check(applyWrite(kind, data)));
}

/**
 * The change that leads to `next`. `base`: the data that was read, so that a store can send the difference alone. `isWhole`: the
 * stored record has another schema version and is replaced as a whole, because otherwise it would mix fields of two versions.
 */
export function changeBy<Data extends object>(
  writes: readonly Pick<Write<Data>, "kind">[],
  next: Readonly<Data>,
  base: Readonly<Data> | undefined,
  isWhole: boolean,
): Change {
  return !isWhole && writes.every(({ kind }) => kind.type === "patch")
    ? readData(() => pick(next, patchedBy(writes)))
    : { type: "replace", data: next, base };
}

function patchedBy<Data extends object>(writes: readonly Pick<Write<Data>, "kind">[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { kind } of writes)
    if (kind.type === "patch") for (const name of Object.keys(kind.fields)) names.add(name);
  return names;
}

/** The change that sets these fields of `data`, and removes the fields that `data` does not have. */
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
    throw invalidArgument("update takes a synchronous function that returns the next data", {
      outcome: "not-applied",
    });
  }
  return next;
}

function patchData(data: object, fields: unknown): object {
  if (typeof fields !== "object" || fields === null || copyable(fields) === "built-in")
    throw invalidData("patch takes an object of fields");
  if (Object.getOwnPropertySymbols(fields).length > 0)
    throw invalidData("patch takes fields with names, not symbols: use update");
  if (copyable(data) !== "whole") {
    throw invalidData(
      "patch can't change fields of an array, a Map or another built-in, nor of a class with #private fields: use update",
    );
  }
  const forbidden = forbiddenField(fields);
  if (forbidden !== undefined) {
    throw invalidData(`the data must not have a field with the name ${forbidden}`);
  }
  const entries = Object.entries(fields);
  return applyChange(data, {
    type: "fields",
    set: Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
    unset: entries.filter(([, value]) => value === undefined).map(([name]) => name),
  });
}

function invalidData(message: string): SessionError {
  return new SessionError("INVALID_DATA", message, { outcome: "not-applied" });
}
