import { REVOKED, TOO_MANY_SESSIONS } from "../base/endings.ts";
import { isSessionError } from "../base/errors.ts";
import type { UnattachedConnection } from "./unattached-connection.ts";

/** Ends a connection that will never have a session: its subject's sessions were destroyed meanwhile, or are too many. */
export function endIfRefused<Data extends object>(
  connection: UnattachedConnection<Data>,
  error: unknown,
): void {
  if (isSessionError(error, "REVOKED")) connection.end(REVOKED.code, REVOKED.reason);
  if (isSessionError(error, "TOO_MANY_SESSIONS"))
    connection.end(TOO_MANY_SESSIONS.code, TOO_MANY_SESSIONS.reason);
}
