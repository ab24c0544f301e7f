/** Creates a session whose id the caller chose: for a store of another library's sessions. */
import { invalidArgument, withoutConnectionError } from "../base/errors.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { isSessionId } from "../handshake/token.ts";
import { createStored } from "../session/creation.ts";
import { givenLifetimes } from "../session/own-lifetimes.ts";
import { LiveSessions } from "./sessions.ts";

/**
 * Creates a session with this id, without a connection and without a token. The caller has proof of its own of who may use the
 * session, such as a signed cookie, and attaches connections with `accept({ sessionId })`. The id must never come from a client.
 *
 * @throws INVALID_ARGUMENT for sessions that `createSessions` did not make, and for an id that is not 1 to 64 characters of base64url.
 * Rejects with CONFLICT if there is a session with this id, or was one a short time ago, and as `create`.
 */
export async function createWithId(
  sessions: object,
  id: string,
  data: object,
  lifetimes: Lifetimes = {},
): Promise<void> {
  if (!(sessions instanceof LiveSessions))
    throw invalidArgument("createWithId() takes what createSessions() returned");
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
    token: false,
  };
  await registry.calls.ask(() => createStored(registry, wanted));
}
