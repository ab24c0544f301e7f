import type { ApplicationOptions, Where } from "../application.mjs";
import type { PagesPlan, RunningCampaign } from "../campaign.ts";
import type { Rules } from "../violations.ts";

const WORKERS = 3;

/** A fault that happens to processes under load, and what may be lost by it. */
export interface FaultCase {
  readonly name: string;
  /** Absent: no acknowledged change is lost, and each change is applied once. */
  readonly rules?: Rules | undefined;
  /** How the pages of this case differ from those of other cases, if the case has pages. */
  readonly pages?: Partial<PagesPlan> | undefined;
  /** Starts the servers. They are stopped when the test has finished. */
  start(): Promise<Stage>;
}

export interface Stage {
  /** How each process reaches Redis. */
  readonly workers: readonly Where[];
  /** How the judge reaches Redis. */
  readonly direct: Where;
  readonly application?: Partial<ApplicationOptions> | undefined;
  /** The operations that each process has in progress at a time: more in a case in which many of them wait for a lost server. */
  readonly inFlight?: number | undefined;
  readonly pauseMs?: number | undefined;
  /** Redis must work again when the promise resolves. */
  faults(running: RunningCampaign): Promise<void>;
}

export function alike(where: Where): Where[] {
  return Array.from({ length: WORKERS }, () => where);
}

/** Until the end of the load: `once`, then `between` operations of each process, and again. */
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
