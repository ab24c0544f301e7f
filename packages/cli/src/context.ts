import { createSessions, type Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { type RedisInspection, redisInspection } from "@wsession/store-redis/inspection";
import type { Target } from "./arguments.ts";
import type { Output } from "./output/output.ts";
import type { Printer } from "./output/printer.ts";
import { ProgressBar } from "./output/progress.ts";
import { clientOf, shownTarget } from "./redis.ts";

/** What a process gives to the command. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What a command works with. */
export class Context implements AsyncDisposable {
  readonly printer: Printer;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly inspection: RedisInspection;
  readonly where: string;
  readonly #target: Target;
  readonly #error: Output;
  readonly #client: ReturnType<typeof clientOf>;
  #sessions: Sessions | undefined;

  constructor(target: Target, printer: Printer, { env, signal, stderr }: Io) {
    this.#target = target;
    this.#error = stderr;
    this.printer = printer;
    this.signal = signal;
    this.where = shownTarget(target);
    this.#client = clientOf(target, env);
    const { prefix, timeoutMs } = target;
    this.inspection = redisInspection({ client: this.#client, prefix, timeoutMs });
  }

  progress(): ProgressBar {
    return new ProgressBar(this.#error);
  }

  /** The sessions as an application has them, for commands that end some: this process takes part, with a lease. */
  sessions(): Sessions {
    const { prefix, timeoutMs } = this.#target;
    this.#sessions ??= createSessions({
      // The sessions may be on such a server. Whether that is good is a question for the doctor.
      store: redisStore({
        client: this.#client,
        prefix,
        timeoutMs,
        node: "wsession-cli",
        allowEviction: true,
      }),
      initial: () => ({}),
      // Errors of the background would be those of the calls again.
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
