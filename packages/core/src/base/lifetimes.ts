/** The lifetimes that an application gives to one session, and their checks. */
import { assertDuration, shown } from "./arguments.ts";
import { invalidArgument } from "./errors.ts";

/**
 * Lifetimes of one session, in place of the options `idleMs` and `absoluteMs`: "remember me", or the `exp` of a JWT. The store
 * keeps them with the session, so they apply in every process, whatever the options of that process are. An absent member leaves
 * the session's present lifetime unchanged.
 *
 * @throws NOT_SUPPORTED where lifetimes are given, if the store has no `extend`.
 */
export interface Lifetimes {
  /** Milliseconds from the last message or touch after which the session expires. `Infinity`: never. */
  readonly idleMs?: number | undefined;
  /** Milliseconds from now after which the session expires. `Infinity`: never. */
  readonly absoluteMs?: number | undefined;
  /**
   * When the session expires, milliseconds since the epoch: a JWT's `exp * 1000`. The earlier of `expiresAt` and `absoluteMs`
   * counts.
   *
   * @throws INVALID_ARGUMENT for a time that is past.
   */
  readonly expiresAt?: number | undefined;
}

/** The names of the members of Lifetimes, for the checks of options that extend them. */
export const LIFETIME_OPTIONS: readonly (keyof Lifetimes)[] = ["idleMs", "absoluteMs", "expiresAt"];

/** Throws INVALID_ARGUMENT for lifetimes of a wrong type, and for an `expiresAt` that is past. */
export function assertLifetimes(where: string, { idleMs, absoluteMs, expiresAt }: Lifetimes): void {
  if (idleMs !== undefined) assertDuration(`${where}: idleMs`, idleMs);
  if (absoluteMs !== undefined) assertDuration(`${where}: absoluteMs`, absoluteMs);
  if (expiresAt === undefined) return;
  if (typeof expiresAt !== "number" || Number.isNaN(expiresAt))
    throw invalidArgument(
      `${where}: expiresAt must be a number of milliseconds since the epoch, not ${shown(expiresAt)}`,
    );
  if (expiresAt <= Date.now())
    throw invalidArgument(
      `${where}: expiresAt is past: it takes milliseconds since the epoch, such as the exp of a JWT times 1,000`,
    );
}
