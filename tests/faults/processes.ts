import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Application, ApplicationOptions } from "./application.mjs";
import type { LoadOptions } from "./load.mjs";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** The calls of a worker process: the methods of its application and of its load. */
type Calls = Pick<
  Application,
  | "append"
  | "bySubject"
  | "codes"
  | "connect"
  | "create"
  | "destroy"
  | "destroySubject"
  | "held"
  | "identify"
  | "patch"
  | "presence"
  | "read"
  | "changes"
> & {
  open(options: ApplicationOptions): string;
  startLoad(options: LoadOptions & { readonly path: string }): void;
  counts(): Counts;
  finishLoad(): LoadReport;
};

export interface Counts {
  readonly ok: number;
  readonly fail: number;
  readonly unknown: number;
  /** The number of unknown outcomes that became certain later. */
  readonly resolved: number;
}

export interface LoadReport extends Counts {
  readonly conflicts: number;
  readonly writeTriesMax: number;
  readonly rereads: number;
}

interface Reply {
  readonly call: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code?: string; readonly outcome?: string };
}

/** An application process of this test. `call` rejects when the process ends, so it never hangs. */
export class ApplicationProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #calls = 0;
  /** Of its WebSocket server. */
  port = 0;

  private constructor() {
    this.#child = fork(WORKER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (message) => this.#onMessage(message));
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the process has ended"));
      this.#waiting.clear();
    });
  }

  static async start(options: ApplicationOptions): Promise<ApplicationProcess> {
    const started = new ApplicationProcess();
    started.port = Number(new URL(await started.call("open", options)).port);
    return started;
  }

  call<Name extends keyof Calls>(
    name: Name,
    ...argument: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    this.#calls += 1;
    const call = this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#child.send({ call, method: name, argument: argument[0] }, (error) => error && reject(error));
    });
  }

  pause(): void {
    this.#child.kill("SIGSTOP");
  }

  continue(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  #onMessage(message: unknown): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- worker.mjs sends nothing else
    const { call, result, error } = message as Reply;
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(Object.assign(new Error(error.message), error));
  }
}
