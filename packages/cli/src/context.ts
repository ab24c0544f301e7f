import { createSessions, type Sessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { type RedisInspection, redisInspection } from "@wsession/store-redis/inspection";
import type { Target } from "./arguments.ts";
import type { Printer } from "./output/printer.ts";
import { ProgressBar } from "./output/progress.ts";
import { clientOf, shownTarget } from "./redis.ts";

/** What a command works with. */
export class Context implements AsyncDisposable {
  readonly printer: Printer;
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  readonly inspection: RedisInspection;
  readonly where: string;
  readonly #target: Target;
  readonly #client: ReturnType<typeof clientOf>;
  #sessions: Sessions | undefined;

  constructor(target: Target, printer: Printer, signal: AbortSignal, environment: NodeJS.ProcessEnv) {
    this.#target = target;
    this.printer = printer;
    this.signal = signal;
    this.where = shownTarget(target);
    this.#client = clientOf(target, environment);
    const { prefix, timeoutMs } = target;
    this.inspection = redisInspection({ client: this.#client, prefix, timeoutMs });
  }

  progress(): ProgressBar {
    return new ProgressBar(process.stderr);
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
