/** "Count to 100": one press is one numbered message. The plain WebSocket of plain.ts handles the same messages without the protocol. */
import { setTimeout as wait } from "node:timers/promises";
import { TransactionRefused } from "@wsession/core";
import type { Transaction } from "@wsession/core";
import { parseObject } from "./messages.ts";
import type { Report } from "./messages.ts";
import type { Run, Visitor } from "./session.ts";

export interface Press {
  /** The page makes a new id for each count to 100. */
  readonly run: string;
  readonly number: number;
}

/** Milliseconds of work for each press, so that a kill falls into the middle of a press. */
export const WORK_MS = 30;
export const PRESSES = 100;

const MOST_RUNS = 4;

/** Parses a message from an untrusted client; `undefined` if it is not a press. */
export function readPress(message: string | Uint8Array): Press | undefined {
  const fields = typeof message === "string" ? parseObject(message) : undefined;
  const run = fields?.["run"];
  const number = fields?.["number"];
  if (fields?.["type"] !== "press" || typeof run !== "string" || !/^[\w-]{8,40}$/.test(run)) return undefined;
  if (typeof number !== "number" || !Number.isInteger(number) || number < 1 || number > PRESSES)
    return undefined;
  return { run, number };
}

/** Adds 1, works, and answers. The change and the answer are committed together with the message's number, or not at all. */
export async function press(tx: Transaction<Visitor>, message: string | Uint8Array): Promise<void> {
  const read = readPress(message);
  if (read === undefined) throw new TransactionRefused("not-a-press");
  const { run, number } = read;
  const count = countOf(tx.data, run) + 1;
  tx.update((data) => ({ ...data, runs: withCount(data, { run, count: countOf(data, run) + 1 }) }));
  await wait(WORK_MS);
  const answer: Report = { type: "pressed", run, number, count };
  tx.send(JSON.stringify(answer));
}

function countOf({ runs = [] }: Visitor, run: string): number {
  return runs.find((known) => known.run === run)?.count ?? 0;
}

/** Keeps the latest runs only, because otherwise the session would grow with each run. */
function withCount({ runs = [] }: Visitor, next: Run): readonly Run[] {
  return [...runs.filter(({ run }) => run !== next.run), next].slice(-MOST_RUNS);
}
