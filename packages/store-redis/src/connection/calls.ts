import type { SessionError } from "@wsession/core";
import type { ServerClock } from "./clock.ts";
import { afterArrivals } from "../base/arrivals.ts";
import {
  asStoreFailure,
  isLost,
  isNoScript,
  isRefusedForNow,
  isReplica,
  reasonOf,
  unavailable,
} from "../base/failures.ts";
import type { Gate } from "./gate.ts";
import { announces, scriptDigest, scriptText } from "../scripts/text.ts";
import type { ScriptName } from "../scripts/generated.ts";
import type { Shards } from "./shards.ts";
import type { Sender, SentCommand } from "./sender.ts";

/** What Redis answers: integers, bulk strings, nil and arrays of these. */
export type Reply = unknown;

/**
 * What a script's reply means. `attempts`: how often the call was written to a socket. A refusal after more than one may come
 * from a session that an earlier attempt has changed.
 */
export type ReadReply<Result> = (reply: Reply, attempts: number) => Result;

/**
 * Calls, each within its own deadline (I11): rejected as `not-applied` if it was never handed over or the script refused
 * it as too late, as `unknown` if no answer came.
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

  /** When a call that starts now has to be answered. */
  deadline(): number {
    return performance.now() + this.timeoutMs;
  }

  /** The server's time now, or `undefined` while it is not known. */
  serverNow(): number | undefined {
    return this.#clock.known ? this.#clock.serverTime(performance.now()) : undefined;
  }

  /** The server's time at our time `at`, at the earliest; `undefined` while it is not known. */
  serverTime(at: number): number | undefined {
    return this.#clock.known ? this.#clock.serverTime(at) : undefined;
  }

  /** An answer to what was sent at `sentAt`, our time, and has just come, was made at `serverMs`. */
  observe(serverMs: number, sentAt: number): void {
    if (Number.isFinite(serverMs)) this.#clock.observe(serverMs, sentAt, performance.now());
  }

  /** Resolves once calls can be sent and the server's clock is known; rejects as `not-applied`. */
  ready(deadline: number): Promise<void> {
    return this.#gate.wait(deadline);
  }

  /** Any command that may run twice without harm. */
  command(name: string, args: readonly string[], deadline: number = this.deadline()): Promise<Reply> {
    return this.#run({ type: "repeatable", name, words: args, read: asIs, deadline, script: undefined }, 0);
  }

  /** A script that changes nothing, or nothing that a repeat could harm. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline: number = this.deadline(),
  ): Promise<Reply> {
    const words = [scriptDigest(name), String(keys.length), ...keys, ...args];
    return this.#run({ type: "repeatable", name: "evalsha", words, read: asIs, deadline, script: name }, 0);
  }

  /**
   * A script whose first argument is a not-after time, put there in the server's terms. `otherKey` is in the slot of `key`. A script
   * that does without it is not given it, because Redis would refuse the script while the slot moves and that key is not there.
   */
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

  /** `attemptsBefore`: how many there were that may have run. */
  #run<Result>(call: Call<Result>, attemptsBefore: number): Promise<Result> {
    if (this.#gate.open) return this.#attempt(call, attemptsBefore);
    return this.#gate
      .wait(call.deadline)
      .then(() => this.#attempt(call, attemptsBefore), notReached(attemptsBefore));
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

  /** The time limit rejects the command itself, so that an answer costs one promise more and no race. */
  #dispatch<Result>(attempt: Attempt<Result>, now: number): Promise<Result> {
    const left = attempt.call.deadline - now;
    if (left <= 0) return Promise.reject(tooLate("Redis can't be reached", attempt.attemptsBefore));
    const command = this.#sender.send(attempt.name, attempt.args);
    const timer = setTimeout(this.#giveUp, left, command);
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

  /** `attempts`: how often it was written to a socket, this time included. What it returns may be a promise. */
  #answered<Result>(
    { call }: Attempt<Result>,
    sentAt: number,
    reply: Reply,
    attempts: number,
  ): Result | Promise<Result> {
    if (call.type === "timed" && Array.isArray(reply) && reply[0] === "late") {
      // This attempt is refused for certain. With time left by our own clock the estimate was off: the answer corrects it.
      const now = performance.now();
      this.#clock.observe(Number(reply[1]), sentAt, now);
      if (now >= call.deadline) throw tooLate("Redis was reached too late", attempts - 1);
      return this.#run(call, attempts - 1);
    }
    return call.read(reply, attempts);
  }

  /** `attempts`: how often it was written to a socket. */
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
    if (isReplica(error)) this.#gate.demoted();
    // A caller waits still: what the connection lost is sent again, and what Redis refused for now is tried again.
    const isRefused = isRefusedForNow(error);
    if ((isLost(error) || isRefused) && performance.now() < deadline) {
      const mayHaveRun = isRefused ? attempts - 1 : attempts;
      const reason = isRefused ? reasonOf(error) : undefined;
      return this.#gate
        .waitAgain(deadline, reason)
        .then(() => this.#run(call, mayHaveRun), notReached(mayHaveRun));
    }
    // Refused this time; an earlier attempt may have been answered otherwise.
    const isSure = attempts <= 1 || failure.outcome === "unknown";
    throw isSure ? failure : unavailable(failure.message, "unknown", failure.cause);
  }

  /** Time is up. An answer that has arrived by now counts, though nobody has read it yet. */
  readonly #giveUp = (command: SentCommand): void => {
    afterArrivals(() => {
      if (command.isSettled) return;
      const outcome = command.attempts === 0 ? "not-applied" : "unknown";
      command.abandon(unavailable("Redis did not answer in time", outcome));
      command.endSilent(this.timeoutMs / 2);
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

/** A call as it is handed over once. No closures: a call is made for each change of a session. */
interface Attempt<Result> {
  readonly call: Call<Result>;
  readonly name: string;
  readonly args: string[];
  /** What to hand over with its text where the server does not have it. */
  readonly script: ScriptName | undefined;
  /** How many attempts before this one may have run. */
  readonly attemptsBefore: number;
}

/** Not applied, unless one of the attempts before was. */
function tooLate(message: string, attemptsBefore: number): SessionError {
  return unavailable(message, attemptsBefore > 0 ? "unknown" : "not-applied");
}

/** The gate did not open again in time. */
function notReached(attemptsBefore: number): (error: unknown) => never {
  return (error) => {
    throw attemptsBefore > 0 ? unavailable("Redis can't be reached again", "unknown", error) : error;
  };
}

function asIs(reply: Reply): Reply {
  return reply;
}
