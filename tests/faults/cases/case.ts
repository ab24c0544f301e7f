import type { ApplicationOptions, Where } from "../application.mjs";
import type { PagesPlan, RunningCampaign } from "../campaign.ts";
import type { Rules } from "../violations.ts";

const WORKERS = 3;

/** A fault that happens to processes under load, and what may be lost by it. */
export interface FaultCase {
  readonly name: string;
  /** Without any: nothing that was acknowledged is lost, and each change is applied once. */
  readonly rules?: Rules | undefined;
  /** What pages do otherwise than in other cases, where there are any. */
  readonly pages?: Partial<PagesPlan> | undefined;
  /** Starts the servers; they are stopped when the test that runs this has finished. */
  start(): Promise<Stage>;
}

export interface Stage {
  /** How each process reaches Redis. */
  readonly workers: readonly Where[];
  /** How the judge reaches it. */
  readonly direct: Where;
  readonly application?: Partial<ApplicationOptions> | undefined;
  /** Operations that each process has under way at a time: more where many of them wait for something that is lost. */
  readonly inFlight?: number | undefined;
  readonly pauseMs?: number | undefined;
  /** Redis has to be well again when it resolves. */
  faults(running: RunningCampaign): Promise<void>;
}

export function alike(where: Where): Where[] {
  return Array.from({ length: WORKERS }, () => where);
}

/** To the end of the load: `once`, then `between` operations of each process. */
export async function again(
  running: RunningCampaign,
  once: () => Promise<unknown>,
  between = 40,
): Promise<void> {
  do {
    await once();
    await running.progress(between);
  } while (!(await running.finished()));
}
