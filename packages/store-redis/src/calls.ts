import type { ServerClock } from "./clock.ts";
import { asStoreFailure, isNoScript, unavailable } from "./failures.ts";
import type { Gate } from "./gate.ts";
import { scriptDigest, scriptText } from "./scripts.ts";
import type { ScriptName } from "./scripts.generated.ts";
import type { Sender, SentCommand } from "./sender.ts";

/** What Redis answers: integers, bulk strings, nil and arrays of these. */
export type Reply = unknown;

/**
 * Calls, each within its own deadline (I11): rejected as `not-applied` if it was never handed over or the script refused
 * it as too late, as `unknown` if no answer came.
 */
export class Calls {
  readonly #sender: Sender;
  readonly #gate: Gate;
  readonly #clock: ServerClock;
  readonly timeoutMs: number;

  constructor(sender: Sender, gate: Gate, clock: ServerClock, timeoutMs: number) {
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

  /** Resolves once calls can be sent and the server's clock is known; rejects as `not-applied`. */
  ready(deadline: number): Promise<void> {
    return this.#gate.wait(deadline);
  }

  /** Any command that may run twice without harm. */
  command(name: string, args: readonly string[], deadline: number = this.deadline()): Promise<Reply> {
    if (this.#gate.open) return this.#hand(name, [...args], deadline);
    return this.#gate.wait(deadline).then(() => this.#hand(name, [...args], deadline));
  }

  /** A script that changes nothing, or nothing that a repeat could harm. */
  script(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
    deadline: number = this.deadline(),
  ): Promise<Reply> {
    const words = [String(keys.length), ...keys, ...args];
    if (this.#gate.open) return this.#evaluate(name, words, deadline);
    return this.#gate.wait(deadline).then(() => this.#evaluate(name, words, deadline));
  }

  /** A script whose first argument is a not-after time, put there in the server's terms. */
  timedScript(
    name: ScriptName,
    key: string,
    args: readonly string[],
    deadline: number = this.deadline(),
  ): Promise<Reply> {
    if (this.#gate.open) return this.#timed(name, key, args, deadline);
    return this.#gate.wait(deadline).then(() => this.#timed(name, key, args, deadline));
  }

  #timed(name: ScriptName, key: string, args: readonly string[], deadline: number): Promise<Reply> {
    const notAfter = this.#clock.serverTime(deadline);
    const sentAt = performance.now();
    return this.#evaluate(name, ["1", key, String(notAfter), ...args], deadline).then((reply) => {
      if (!Array.isArray(reply) || reply[0] !== "late") return reply;
      // Refused for certain. With time left by our own clock the estimate was off: the answer corrects it.
      const now = performance.now();
      this.#clock.observe(Number(reply[1]), sentAt, now);
      if (now >= deadline) throw unavailable("Redis was reached too late", "not-applied");
      return this.timedScript(name, key, args, deadline);
    });
  }

  /** `words`: the number of keys, the keys, the arguments. */
  #evaluate(name: ScriptName, words: readonly string[], deadline: number): Promise<Reply> {
    return this.#hand("evalsha", [scriptDigest(name), ...words], deadline, () =>
      this.#sender.send("eval", [scriptText(name), ...words]),
    );
  }

  #hand(name: string, args: string[], deadline: number, withoutScript?: () => SentCommand): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const left = deadline - performance.now();
      if (left <= 0) {
        reject(unavailable("Redis can't be reached", "not-applied"));
        return;
      }
      const timer = setTimeout(() => reject(unavailable("Redis did not answer in time", "unknown")), left);
      let command = this.#sender.send(name, args);
      /** Attempts before this command's own that may have run. */
      let before = 0;
      const settle = (reply: Reply): void => {
        clearTimeout(timer);
        resolve(before + command.attempts > 1 ? afterAttempts(reply) : reply);
      };
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        const failure = asStoreFailure(error);
        // Refused this time; an earlier attempt may have been answered otherwise.
        const isSure = before + command.attempts <= 1 || failure.outcome === "unknown";
        reject(isSure ? failure : unavailable(failure.message, "unknown", failure.cause));
      };
      command.promise.then(settle, (error: unknown) => {
        if (withoutScript === undefined || !isNoScript(error)) return fail(error);
        before = command.attempts - 1;
        command = withoutScript();
        command.promise.then(settle, fail);
      });
    });
  }
}

/** No session, as told to a command that was sent again: it may have been there, and changed, at an earlier attempt. */
function afterAttempts(reply: Reply): Reply {
  return Array.isArray(reply) && reply[0] === "missing" ? ["missing", "again"] : reply;
}
