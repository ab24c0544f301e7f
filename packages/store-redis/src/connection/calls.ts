import type { SessionError } from "@wsession/core";
import type { Attempt, Call, ReadReply, Reply } from "./call.ts";
import type { ServerAvailability } from "./availability.ts";
import type { ServerClock } from "./clock.ts";
import { afterPendingReads, PatientTimer } from "../base/patient-timer.ts";
import {
  asStoreFailure,
  isConnectionLost,
  isNoScript,
  isTemporaryRefusal,
  isReadonly,
  overtaken,
  reasonOf,
  notReached,
  unavailable,
} from "../base/failures.ts";
import type { RedisCounters } from "../base/diagnostics.ts";
import type { LatencyHistogram } from "../base/latency-histogram.ts";
import { announces, scriptDigest, scriptText } from "../scripts/text.ts";
import type { ScriptName } from "../scripts/generated.ts";
import type { Shards } from "./shards.ts";
import type { Sender } from "./sender.ts";
import type { SentCommand, Server } from "../drivers/driver.ts";

export type { Reply } from "./call.ts";

/** The share of `timeoutMs` that the reply to the last attempt of a refused call may take. */
const ANSWER_SHARE = 1 / 8;

/** The objects that calls use. */
export interface CallParts {
  readonly sender: Sender;
  readonly availability: ServerAvailability;
  readonly clock: ServerClock;
  readonly timeoutMs: number;
  readonly counters: RedisCounters;
  readonly latency: LatencyHistogram;
  readonly shards?: Pick<Shards, "tagOf">;
}

/**
 * Sends commands and scripts, each with a deadline (I11). A call rejects as `not-applied` if it was never
 * sent or the script refused it as too late, and as `unknown` if no reply came.
 */
export class Calls {
  readonly #sender: Sender;
  readonly #availability: ServerAvailability;
  readonly #clock: ServerClock;
  readonly #shards: Pick<Shards, "tagOf"> | undefined;
  readonly #counters: RedisCounters;
  readonly #latency: LatencyHistogram;
  readonly timeoutMs: number;

  constructor({ sender, availability, clock, timeoutMs, counters, latency, shards }: CallParts) {
    this.#sender = sender;
    this.#availability = availability;
    this.#clock = clock;
    this.timeoutMs = timeoutMs;
    this.#counters = counters;
    this.#latency = latency;
    this.#shards = shards;
  }

  /** The deadline of a call that starts now. */
  deadline(): number {
    return performance.now() + this.timeoutMs;
  }

  /** The server's time now; `undefined` while it is unknown. */
  serverNow(): number | undefined {
    return this.serverTime(performance.now());
  }

  /** The earliest possible server time at this process's time `at`; `undefined` while it is unknown. */
  serverTime(at: number): number | undefined {
    return this.#clock.known ? this.#clock.serverTime(at) : undefined;
  }

  /** Records the server time in a reply that has just arrived, to a request of `sentAt`. */
  observe(serverMs: number, sentAt: number): void {
    if (Number.isFinite(serverMs)) this.#clock.observe(serverMs, sentAt, performance.now());
  }

  /** Resolves once calls can be sent and the server's clock is known. Rejects as `not-applied` at `deadline`. */
  ready(deadline: number): Promise<void> {
    return this.#availability.wait(deadline);
  }

  /** Sends a command. It must be idempotent, because it may be sent again. */
  command(name: string, words: readonly string[], deadline: number = this.deadline()): Promise<Reply> {
    return this.#start({ type: "repeatable", name, words, read: identity, deadline, script: undefined });
  }

  /** Sends an idempotent command to one server of a Cluster, once. Rejects as `not-applied` if no reply comes in time. */
  async commandAt(server: Server, name: string, args: string[]): Promise<Reply> {
    const command = this.#sender.send(name, args, server);
    const timer = new PatientTimer(this.timeoutMs, () =>
      command.cancel(unavailable("Redis did not answer in time", "not-applied")),
    );
    try {
      return await command.promise;
    } catch (error) {
      throw asStoreFailure(error);
    } finally {
      timer.stop();
    }
  }

  /** Runs an idempotent script, which may be sent again. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline?: number,
  ): Promise<Reply>;
  script<Result>(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline: number,
    read: ReadReply<Result>,
  ): Promise<Result>;
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline: number = this.deadline(),
    read: ReadReply<Reply> = identity,
  ): Promise<Reply> {
    const words = [scriptDigest(name), String(keys.length), ...keys, ...args];
    return this.#start({ type: "repeatable", name: "evalsha", words, read, deadline, script: name });
  }

  /** As `script`, for a script that publishes. */
  announcingScript(name: ScriptName, key: string, args: readonly string[]): Promise<Reply> {
    this.#counters.announcementsSent += 1;
    return this.script(name, [key], [...args, this.#shards?.tagOf(key) ?? ""]);
  }

  /** Runs a script whose first argument is the not-after time, computed from `deadline` in server time. */
  timedScript<Result>(
    name: ScriptName,
    key: string,
    args: readonly string[],
    read: ReadReply<Result>,
    deadline: number = this.deadline(),
    otherKey?: string,
  ): Promise<Result> {
    return this.#start({ type: "timed", script: name, key, otherKey, args, read, deadline });
  }

  #start<Result>(call: Call<Result>): Promise<Result> {
    this.#counters.calls += 1;
    return this.#run(call, 0);
  }

  /** `attemptsBefore`: how many earlier attempts may have run. */
  #run<Result>(call: Call<Result>, attemptsBefore: number): Promise<Result> {
    if (this.#availability.isAvailable) return this.#attempt(call, attemptsBefore);
    return this.#availability
      .wait(call.deadline)
      .then(() => this.#attempt(call, attemptsBefore), this.#notReached(call, attemptsBefore));
  }

  #attempt<Result>(call: Call<Result>, attemptsBefore: number): Promise<Result> {
    const now = performance.now();
    if (call.type === "repeatable") {
      const { name, words, script } = call;
      return this.#dispatch({ call, name, args: [...words], script, attemptsBefore }, now);
    }
    const { script, key, otherKey } = call;
    const notAfter = String(this.#clock.serverTime(call.deadline));
    const first = scriptDigest(script);
    const leading =
      otherKey === undefined ? [first, "1", key, notAfter] : [first, "2", key, otherKey, notAfter];
    let args: string[];
    if (announces(script)) {
      this.#counters.announcementsSent += 1;
      // `concat` takes three times as long with an item that is not an array.
      args = [...leading, ...call.args, this.#shards?.tagOf(key) ?? ""];
    } else args = [...leading, ...call.args];
    return this.#dispatch({ call, name: "evalsha", args, script, attemptsBefore }, now);
  }

  /** The timeout rejects the command itself; that needs one promise less than a race. */
  #dispatch<Result>(attempt: Attempt<Result>, now: number): Promise<Result> {
    const left = attempt.call.deadline - now;
    if (left <= 0) return Promise.reject(this.#tooLate("Redis was reached too late", attempt.attemptsBefore));
    const command = this.#sender.send(attempt.name, attempt.args);
    const timer = setTimeout(this.#onTimeout, left, command);
    return command.promise.then(
      (reply: Reply) => {
        clearTimeout(timer);
        return this.#answered(attempt, now, reply, attempt.attemptsBefore + command.attempts);
      },
      (error: unknown) => {
        clearTimeout(timer);
        return this.#failed(attempt, error, attempt.attemptsBefore + command.attempts);
      },
    );
  }

  /**
   * `attempts`: how often the call was written to a socket, including this time. The result may be a promise.
   */
  #answered<Result>(
    { call }: Attempt<Result>,
    sentAt: number,
    reply: Reply,
    attempts: number,
  ): Result | Promise<Result> {
    this.#latency.record(performance.now() - sentAt);
    if (call.type === "timed" && Array.isArray(reply) && reply[0] === "late") {
      this.#counters.late += 1;
      // This attempt certainly did not run. If the deadline has not passed by the local clock, the estimate
      // of the server's clock was wrong; the reply corrects it.
      const now = performance.now();
      this.#clock.observe(Number(reply[1]), sentAt, now);
      if (now >= call.deadline) throw this.#tooLate("Redis was reached too late", attempts - 1);
      return this.#run(call, attempts - 1);
    }
    if (attempts === 1 && Array.isArray(reply) && reply[0] === "overtaken") throw overtaken("not-applied");
    return call.read(reply, attempts);
  }

  /** `attempts`: how often the call was written to a socket. */
  #failed<Result>(attempt: Attempt<Result>, error: unknown, attempts: number): Promise<Result> {
    const { call, script, args } = attempt;
    const { deadline } = call;
    if (script !== undefined && isNoScript(error)) {
      const withText = [scriptText(script), ...args.slice(1)];
      const attemptsBefore = attempts - 1;
      const again = { call, name: "eval", args: withText, script: undefined, attemptsBefore };
      return this.#dispatch(again, performance.now());
    }
    // A command that was never written has not run, however its connection ended.
    const failure =
      attempts === 0 && isConnectionLost(error)
        ? notReached("Redis can't be reached", reasonOf(error))
        : asStoreFailure(error);
    const giveUp = (): never => {
      // This attempt was refused, but an earlier one may have run.
      const isSure = attempts <= 1 || failure.outcome === "unknown";
      if (!isSure || failure.outcome === "unknown") this.#counters.unknown += 1;
      throw isSure ? failure : unavailable(failure.message, "unknown", failure.cause);
    };
    if (isReadonly(error)) this.#availability.onReadonly();
    // The caller is still waiting, so a call that was lost with the connection, or refused temporarily, is
    // sent again.
    const isRefused = isTemporaryRefusal(error);
    if ((isConnectionLost(error) || isRefused) && performance.now() < deadline) {
      const mayHaveRun = isRefused ? attempts - 1 : attempts;
      const reason = isRefused ? reasonOf(error) : undefined;
      const lastTry = deadline - this.timeoutMs * ANSWER_SHARE;
      return this.#availability.waitAgain(deadline, reason).then(
        // The refusal gives the reason. An attempt right before the deadline might be answered too late, so its outcome would be unknown.
        () => (isRefused && performance.now() >= lastTry ? giveUp() : this.#run(call, mayHaveRun)),
        this.#notReached(call, mayHaveRun),
      );
    }
    return giveUp();
  }

  /** The error of a call that came too late: not applied, unless an earlier attempt may have been. */
  #tooLate(message: string, attemptsBefore: number): SessionError {
    this.#counters.timeouts += 1;
    if (attemptsBefore > 0) this.#counters.unknown += 1;
    return unavailable(message, attemptsBefore > 0 ? "unknown" : "not-applied");
  }

  /** The error of a call for which no server was available in time. */
  #notReached({ deadline }: Call<unknown>, attemptsBefore: number): (error: unknown) => never {
    return (error) => {
      if (performance.now() >= deadline) this.#counters.timeouts += 1;
      if (attemptsBefore === 0) throw error;
      this.#counters.unknown += 1;
      throw unavailable("Redis can't be reached again", "unknown", error);
    };
  }

  /**
   * The deadline has passed. A reply that has already arrived still counts, although it has not been read
   * yet.
   */
  readonly #onTimeout = (command: SentCommand): void => {
    afterPendingReads(() => {
      if (command.isSettled) return;
      this.#counters.timeouts += 1;
      const outcome = command.attempts === 0 ? "not-applied" : "unknown";
      command.cancel(unavailable("Redis did not answer in time", outcome));
      command.closeIfSilent(this.timeoutMs / 2);
    });
  };
}

function identity(reply: Reply): Reply {
  return reply;
}
