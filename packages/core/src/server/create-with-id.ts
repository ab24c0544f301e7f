/** Creates a session whose id the caller chose: for a store of another library's sessions. */
import { invalidArgument, withoutConnectionError } from "../base/errors.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { isSessionId } from "../handshake/token.ts";
import { createStored } from "../session/creation.ts";
import { givenLifetimes } from "../session/own-lifetimes.ts";
import { LiveSessions } from "./sessions.ts";

/**
 * Creates a session with this id, without a connection and without a token. The caller checks itself who may use the session, for
 * example by a signed cookie, and attaches connections with `accept({ sessionId })`. The id must never come from a client.
 *
 * @throws INVALID_ARGUMENT for sessions that `createSessions` did not make, and for an id that is not 1 to 64 characters of
 * base64url. Rejects with CONFLICT if a session with this id exists or existed a short time ago, and with the errors of `create`.
 */
export async function createWithId(
  sessions: object,
  id: string,
  data: object,
  lifetimes: Lifetimes = {},
): Promise<void> {
  if (!(sessions instanceof LiveSessions))
    throw invalidArgument("createWithId() takes sessions that createSessions() returned");
  if (!isSessionId(id))
    throw invalidArgument("createWithId() takes an id of 1 to 64 characters of base64url");
  const { registry } = sessions;
  if (!registry.store.capabilities.resumable) throw withoutConnectionError("create");
  const wanted = {
    id,
    data,
    isChecked: false,
    subject: undefined,
    decidedAt: undefined,
    lifetimes: givenLifetimes(lifetimes),
    hold: false,
    hasToken: false,
  };
  await registry.calls.ask(() => createStored(registry, wanted));
}
