import type { ScriptName } from "../scripts/generated.ts";

/** A reply of Redis: an integer, a bulk string, nil, or an array of these. */
export type Reply = unknown;

/**
 * Interprets the reply of a script. `attempts` is how often the call was written to a socket. After more than
 * one attempt, a refusal may be about a session that an earlier attempt has changed.
 */
export type ReadReply<Result> = (reply: Reply, attempts: number) => Result;

export type Call<Result> = RepeatableCall<Result> | TimedCall<Result>;

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

/** One attempt of a call. An object without closures, because each change of a session creates one. */
export interface Attempt<Result> {
  readonly call: Call<Result>;
  readonly name: string;
  readonly args: string[];
  /** The script to send with its text if the server does not have it. */
  readonly script: ScriptName | undefined;
  /** How many earlier attempts may have run. */
  readonly attemptsBefore: number;
}
