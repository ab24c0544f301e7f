import { assertOneOf } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import type { Settings } from "./settings.ts";
import type { SessionsOptions } from "./typed-options.ts";

const ANSWERS = ["fresh", "refuse", "close"] as const;
const CORRUPT_ANSWERS = ["refuse", "fresh"] as const;

type Answers = "onNoToken" | "onBadToken" | "onCorruptRecord";

/**
 * Resolves the answers to clients without a readable session. If a client without a token is refused, no other option may give a session
 * to a stranger, because otherwise any text in place of the token would be a way in.
 */
export function resolveNoToken<Data extends object>(
  options: SessionsOptions<Data>,
): Pick<Settings<object>, Answers> {
  const { onNoToken = "fresh", onCorruptRecord = "refuse" } = options;
  assertOneOf("onNoToken", onNoToken, ANSWERS);
  const { onBadToken = onNoToken } = options;
  assertOneOf("onBadToken", onBadToken, ANSWERS);
  assertOneOf("onCorruptRecord", onCorruptRecord, CORRUPT_ANSWERS);
  if (onNoToken !== "fresh") {
    const rule = `onNoToken: ${JSON.stringify(onNoToken)}`;
    if (options.token === undefined)
      throw invalidArgument(
        `${rule} needs the option token, such as cookieToken(): otherwise no client could connect`,
      );
    if (options.initial !== undefined)
      throw invalidArgument(
        `${rule} excludes initial, which makes the session of a client without a token. Log in by sessions.create() or @wsession/http`,
      );
    if (onBadToken === "fresh")
      throw invalidArgument(
        `${rule} excludes onBadToken: "fresh", which lets a client in that sends any text as its token`,
      );
    if (onCorruptRecord === "fresh")
      throw invalidArgument(
        `${rule} excludes onCorruptRecord: "fresh", which gives a client a session without a login`,
      );
  }
  return { onNoToken, onBadToken, onCorruptRecord };
}
