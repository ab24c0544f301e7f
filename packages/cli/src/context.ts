import { createSessions, type Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { type RedisInspection, redisInspection } from "@wsession/store-redis/inspection";
import type { Target } from "./arguments.ts";
import type { Output } from "./output/output.ts";
import type { Printer } from "./output/printer.ts";
import { ProgressBar } from "./output/progress.ts";
import { createClient, describeTarget } from "./redis.ts";

/** The parts of the process that the command uses. Tests pass others. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** The objects that a command works with. Disposing of them closes their connections. */
export class Context implements AsyncDisposable {
  readonly printer: Printer;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly inspection: RedisInspection;
  readonly where: string;
  readonly #target: Target;
  readonly #error: Output;
  readonly #client: ReturnType<typeof createClient>;
  #sessions: Sessions | undefined;

  constructor(target: Target, printer: Printer, { env, signal, stderr }: Io) {
    this.#target = target;
    this.#error = stderr;
    this.printer = printer;
    this.signal = signal;
    this.where = describeTarget(target);
    this.#client = createClient(target, env);
    const { prefix, timeoutMs } = target;
    this.inspection = redisInspection({ client: this.#client, prefix, timeoutMs });
  }

  progress(): ProgressBar {
    return new ProgressBar(this.#error);
  }

  /** Creates sessions as an application does, for commands that end sessions: this process then has a lease, as each server has. */
  sessions(): Sessions {
    const { prefix, timeoutMs } = this.#target;
    this.#sessions ??= createSessions({
      // The store would refuse a server that evicts, and its sessions could not be ended. The command doctor reports such a server.
      store: redisStore({
        client: this.#client,
        prefix,
        timeoutMs,
        node: "wsession-cli",
        allowEviction: true,
      }),
      initial: () => ({}),
      // Each error also rejects a call of the command, which prints the error.
      onError: () => undefined,
    });
    return this.#sessions;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions?.close();
    this.inspection.close();
    this.#client.disconnect();
  }
}
