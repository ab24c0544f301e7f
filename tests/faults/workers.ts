/** The worker processes of a campaign, each with an application and a load. */
import { join } from "node:path";
import type { ApplicationOptions, Where } from "./application.mjs";
import { type HistoryEvent, readHistory } from "./history.ts";
import type { LoadOptions } from "./load.mjs";
import { ApplicationProcess } from "./processes.ts";

export interface WorkersOptions {
  /** The address of Redis for each worker. */
  readonly where: readonly Where[];
  /** The folder of the histories. */
  readonly folder: string;
  readonly application: Partial<ApplicationOptions>;
  readonly load: Omit<LoadOptions, "worker">;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #paths: string[] = [];
  /** The workers, by the index in `where`. A worker that is killed is replaced by another one. */
  readonly processes: ApplicationProcess[] = [];

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { where } = this.#options;
    for (const place of where.keys()) this.processes[place] = await this.#open(place);
    await Promise.all(this.processes.map((worker, place) => this.#startLoad(worker, place)));
  }

  /** Kills a worker at any moment, and starts another one in its place. */
  async restart(worker: ApplicationProcess): Promise<void> {
    const place = this.processes.indexOf(worker);
    await worker.kill();
    const next = await this.#open(place);
    this.processes[place] = next;
    await this.#startLoad(next, place);
  }

  /** The histories of all workers, also of those that were killed. */
  history(): HistoryEvent[] {
    return this.#paths.flatMap((path) => readHistory(path));
  }

  async kill(): Promise<void> {
    await Promise.all(this.processes.map((worker) => worker.kill()));
  }

  #open(place: number): Promise<ApplicationProcess> {
    const { where, application } = this.#options;
    const redis = where[place];
    if (redis === undefined) throw new Error("each worker has an address of Redis");
    // With pages: servers of both runtimes.
    const runtime = application.transactions === true && place % 2 === 1 ? "uws" : "ws";
    return ApplicationProcess.start({ ...application, redis, runtime });
  }

  #startLoad(worker: ApplicationProcess, place: number): Promise<void> {
    const { folder, load } = this.#options;
    const name = `w${this.#paths.length}`;
    const path = join(folder, `${name}.jsonl`);
    this.#paths.push(path);
    // Some of the workers hold the session, and others do not.
    const targets = load.targets.map((target, at) => ({
      ...target,
      hold: !target.hasPages && at < 60 && (at + place) % 3 === 0,
    }));
    return worker.call("startLoad", {
      ...load,
      worker: name,
      seed: load.seed + this.#paths.length - 1,
      targets,
      path,
    });
  }
}
