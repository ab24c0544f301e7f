import type { SessionError } from "@wsession/core";
import type { ServerClock } from "./clock.ts";
import { afterPendingReads } from "../base/arrivals.ts";
import {
  asStoreFailure,
  isConnectionLost,
  isNoScript,
  isTemporaryRefusal,
  isReadonly,
  reasonOf,
  unavailable,
} from "../base/failures.ts";
import type { Gate } from "./gate.ts";
import { announces, scriptDigest, scriptText } from "../scripts/text.ts";
import type { ScriptName } from "../scripts/generated.ts";
import type { Shards } from "./shards.ts";
import type { Sender } from "./sender.ts";
import type { SentCommand, Server } from "../drivers/driver.ts";

/** A reply of Redis: an integer, a bulk string, nil, or an array of these. */
export type Reply = unknown;

/**
 * Interprets the reply of a script. `attempts` is how often the call was written to a socket. After more than
 * one attempt, a refusal may be about a session that an earlier attempt has changed.
 */
export type ReadReply<Result> = (reply: Reply, attempts: number) => Result;

/**
 * Sends commands and scripts, each with a deadline (I11). A call rejects as `not-applied` if it was never
 * sent or the script refused it as too late, and as `unknown` if no reply came.
 */
export class Calls {
  readonly #sender: Sender;
  readonly #gate: Gate;
  readonly #clock: ServerClock;
  readonly #shards: Pick<Shards, "tagOf"> | undefined;
  readonly timeoutMs: number;

  constructor(
    sender: Sender,
    gate: Gate,
    clock: ServerClock,
    timeoutMs: number,
    shards?: Pick<Shards, "tagOf">,
  ) {
    this.#shards = shards;
    this.#sender = sender;
    this.#gate = gate;
    this.#clock = clock;
    this.timeoutMs = timeoutMs;
  }

  /** The deadline of a call that starts now. */
  deadline(): number {
    return performance.now() + this.timeoutMs;
  }

  /** The server's time now; `undefined` while it is unknown. */
  serverNow(): number | undefined {
    return this.#clock.known ? this.#clock.serverTime(performance.now()) : undefined;
  }

  /** The earliest possible server time at this process's time `at`; `undefined` while it is unknown. */
  serverTime(at: number): number | undefined {
    return this.#clock.known ? this.#clock.serverTime(at) : undefined;
  }

  /** Records the server time in a reply that has just arrived, to a request of `sentAt`. */
  observe(serverMs: number, sentAt: number): void {
    if (Number.isFinite(serverMs)) this.#clock.observe(serverMs, sentAt, performance.now());
  }

  /**
   * Resolves once calls can be sent and the server's clock is known. Rejects as `not-applied` at `deadline`.
   */
  ready(deadline: number): Promise<void> {
    return this.#gate.wait(deadline);
  }

  /** Sends a command. It must be idempotent, because it may be sent again. */
  command(name: string, args: readonly string[], deadline: number = this.deadline()): Promise<Reply> {
    return this.#run(
      { type: "repeatable", name, words: args, read: identity, deadline, script: undefined },
      0,
    );
  }

  /**
   * Sends an idempotent command to one server of a Cluster, once. Rejects as `not-applied` if no reply comes in time.
   */
  async commandAt(server: Server, name: string, args: string[]): Promise<Reply> {
    const command = this.#sender.probe(name, args, server);
    const timer = setTimeout(
      () => command.cancel(unavailable("Redis did not answer in time", "not-applied")),
      this.timeoutMs,
    );
    try {
      return await command.promise;
    } catch (error) {
      throw asStoreFailure(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs an idempotent script, which may be sent again. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline: number = this.deadline(),
  ): Promise<Reply> {
    const words = [scriptDigest(name), String(keys.length), ...keys, ...args];
    return this.#run(
      { type: "repeatable", name: "evalsha", words, read: identity, deadline, script: name },
      0,
    );
  }

  /** As `script`, for a script that publishes. */
  announcingScript(name: ScriptName, key: string, args: readonly string[]): Promise<Reply> {
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
    return this.#run({ type: "timed", script: name, key, otherKey, args, read, deadline }, 0);
  }

  /** `attemptsBefore`: how many earlier attempts may have run. */
  #run<Result>(call: Call<Result>, attemptsBefore: number): Promise<Result> {
    if (this.#gate.open) return this.#attempt(call, attemptsBefore);
    return this.#gate
      .wait(call.deadline)
      .then(() => this.#attempt(call, attemptsBefore), notReachedAgain(attemptsBefore));
  }

  #attempt<Result>(call: Call<Result>, attemptsBefore: number): Promise<Result> {
    const now = performance.now();
    if (call.type === "repeatable") {
      const { name, words, script } = call;
      return this.#dispatch({ call, name, args: [...words], script, attemptsBefore }, now);
    }
    const { script } = call;
    const notAfter = this.#clock.serverTime(call.deadline);
    const { key, otherKey } = call;
    const keys = otherKey === undefined ? ["1", key] : ["2", key, otherKey];
    const args = [scriptDigest(script), ...keys, String(notAfter)].concat(call.args);
    if (announces(script)) args.push(this.#shards?.tagOf(call.key) ?? "");
    return this.#dispatch({ call, name: "evalsha", args, script, attemptsBefore }, now);
  }

  /** The timeout rejects the command itself; that needs one promise less than a race. */
  #dispatch<Result>(attempt: Attempt<Result>, now: number): Promise<Result> {
    const left = attempt.call.deadline - now;
    if (left <= 0) return Promise.reject(tooLate("Redis can't be reached", attempt.attemptsBefore));
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
    if (call.type === "timed" && Array.isArray(reply) && reply[0] === "late") {
      // This attempt certainly did not run. If the deadline has not passed by the local clock, the estimate
      // of the server's clock was wrong; the reply corrects it.
      const now = performance.now();
      this.#clock.observe(Number(reply[1]), sentAt, now);
      if (now >= call.deadline) throw tooLate("Redis was reached too late", attempts - 1);
      return this.#run(call, attempts - 1);
    }
    return call.read(reply, attempts);
  }

  /** `attempts`: how often the call was written to a socket. */
  #failed<Result>(attempt: Attempt<Result>, error: unknown, attempts: number): Promise<Result> {
    const { call, script, args } = attempt;
    const { deadline } = call;
    if (script !== undefined && isNoScript(error)) {
      const withText = [scriptText(script), ...args.slice(1)];
      const attemptsBefore = attempts - 1;
      const again: Attempt<Result> = {
        call,
        name: "eval",
        args: withText,
        script: undefined,
        attemptsBefore,
      };
      return this.#dispatch(again, performance.now());
    }
    const failure = asStoreFailure(error);
    if (isReadonly(error)) this.#gate.onReadonly();
    // The caller is still waiting, so a call that was lost with the connection, or refused temporarily, is
    // sent again.
    const isRefused = isTemporaryRefusal(error);
    if ((isConnectionLost(error) || isRefused) && performance.now() < deadline) {
      const mayHaveRun = isRefused ? attempts - 1 : attempts;
      const reason = isRefused ? reasonOf(error) : undefined;
      return this.#gate
        .waitAgain(deadline, reason)
        .then(() => this.#run(call, mayHaveRun), notReachedAgain(mayHaveRun));
    }
    // This attempt was refused, but an earlier one may have run.
    const isSure = attempts <= 1 || failure.outcome === "unknown";
    throw isSure ? failure : unavailable(failure.message, "unknown", failure.cause);
  }

  /**
   * The deadline has passed. A reply that has already arrived still counts, although it has not been read
   * yet.
   */
  readonly #onTimeout = (command: SentCommand): void => {
    afterPendingReads(() => {
      if (command.isSettled) return;
      const outcome = command.attempts === 0 ? "not-applied" : "unknown";
      command.cancel(unavailable("Redis did not answer in time", outcome));
      command.closeIfSilent(this.timeoutMs / 2);
    });
  };
}

type Call<Result> = RepeatableCall<Result> | TimedCall<Result>;

interface RepeatableCall<Result> {
  readonly type: "repeatable";
  readonly name: string;
  readonly words: readonly string[];
  readonly read: ReadReply<Result>;
  readonly deadline: number;
  readonly script: ScriptName | undefined;
}

interface TimedCall<Result> {
  readonly type: "timed";
  readonly script: ScriptName;
  readonly key: string;
  readonly otherKey: string | undefined;
  readonly args: readonly string[];
  readonly read: ReadReply<Result>;
  readonly deadline: number;
}

/** One attempt of a call. It has no closures, because one is created for each change of a session. */
interface Attempt<Result> {
  readonly call: Call<Result>;
  readonly name: string;
  readonly args: string[];
  /** The script to send with its text if the server does not have it. */
  readonly script: ScriptName | undefined;
  /** How many earlier attempts may have run. */
  readonly attemptsBefore: number;
}

/** The error of a call that came too late: not applied, unless an earlier attempt may have been. */
function tooLate(message: string, attemptsBefore: number): SessionError {
  return unavailable(message, attemptsBefore > 0 ? "unknown" : "not-applied");
}

/** The error of a call for which the gate did not open again in time. */
function notReachedAgain(attemptsBefore: number): (error: unknown) => never {
  return (error) => {
    throw attemptsBefore > 0 ? unavailable("Redis can't be reached again", "unknown", error) : error;
  };
}

function identity(reply: Reply): Reply {
  return reply;
}
