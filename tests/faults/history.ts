import { readFileSync } from "node:fs";

/** The operations on a session. `read` reads it from the store; `index` lists the sessions of a subject. */
export type Kind = "append" | "increment" | "write" | "read" | "destroy" | "identify" | "index";

/** One line of a history. Times are the machine's monotonic clock in microseconds, the same for all its processes. */
export type HistoryEvent = {
  readonly at: number;
  readonly worker: string;
  readonly op: number;
} & (
  | {
      readonly type: "invoke";
      readonly kind: Kind;
      readonly session: string;
      /** The appended or written value, unique in the history. The subject for `identify` and `index`. */
      readonly value?: string | undefined;
      /** The field that is written. */
      readonly field?: string | undefined;
    }
  | ({ readonly type: "ok" } & Answer)
  | { readonly type: "fail" | "unknown"; readonly code: string }
  /** The later answer of the store about a change with an unknown outcome. */
  | { readonly type: "resolved"; readonly outcome: "applied" | "not-applied" | "unknown" }
);

export interface Answer {
  readonly version?: number | undefined;
  readonly fence?: number | undefined;
  /** The value's index in the list, or the new value of the counter. */
  readonly result?: number | undefined;
  /** The result of a read: the data, or `null` if there is no such session. The result of an index: ids. */
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly ids?: readonly string[] | undefined;
  /** The result of a destroy: whether this call destroyed the session. */
  readonly was?: boolean | undefined;
}

/** An operation from its call to its end. If the process died before the end, the outcome is unknown. */
export interface Operation {
  readonly worker: string;
  readonly op: number;
  readonly kind: Kind;
  readonly session: string;
  readonly value: string | undefined;
  readonly field: string | undefined;
  readonly invokedAt: number;
  /** Infinity if the operation may still take effect. */
  readonly endedAt: number;
  /** Whether `applied` was unknown to the caller at first, and became certain later. */
  readonly outcome: "ok" | "applied" | "fail" | "unknown";
  readonly code: string | undefined;
  readonly answer: Answer;
}

type Invocation = Extract<HistoryEvent, { readonly type: "invoke" }>;

/** Joins calls with their ends, in the order in which they were called. Throws for an end without a call. */
export function operationsOf(events: readonly HistoryEvent[]): Operation[] {
  const operations = new Map<string, Operation>();
  for (const event of events) {
    const key = `${event.worker} ${event.op}`;
    if (event.type === "invoke") {
      if (operations.has(key)) throw new Error(`${key} was called twice`);
      operations.set(key, begun(event));
      continue;
    }
    const operation = operations.get(key);
    if (operation === undefined) throw new Error(`${key} ended, but was never called`);
    operations.set(key, ended(operation, event));
  }
  return [...operations.values()].toSorted((one, other) => one.invokedAt - other.invokedAt);
}

function begun({ worker, op, kind, session, value, field, at }: Invocation): Operation {
  const unfinished = {
    endedAt: Number.POSITIVE_INFINITY,
    outcome: "unknown",
    code: undefined,
    answer: {},
  } as const;
  return { worker, op, kind, session, value, field, invokedAt: at, ...unfinished };
}

function ended(operation: Operation, event: Exclude<HistoryEvent, Invocation>): Operation {
  switch (event.type) {
    case "ok":
      return { ...operation, outcome: "ok", endedAt: event.at, answer: event };
    case "fail":
      return { ...operation, outcome: "fail", endedAt: event.at, code: event.code };
    case "unknown":
      return { ...operation, code: event.code };
    case "resolved":
      if (event.outcome === "unknown") return operation;
      return { ...operation, outcome: event.outcome === "applied" ? "applied" : "fail", endedAt: event.at };
  }
}

/** The file of a worker. If the process was killed, the last line may be incomplete. */
export function readHistory(file: string): HistoryEvent[] {
  const lines = readFileSync(file, "utf8").split("\n");
  lines.pop();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by worker.mjs, as this type says
  return lines.map((line) => JSON.parse(line) as HistoryEvent);
}
