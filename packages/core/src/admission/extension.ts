import { asStoreError } from "../base/errors.ts";
import type { LocalSession } from "../session/local-session.ts";
import { extendInStore, hasOtherLifetimes } from "../session/own-lifetimes.ts";
import type { PendingDecision } from "../session/pending.ts";
import type { SessionRegistry } from "../session/registry.ts";
import type { StoredSession } from "../store/contract.ts";

/**
 * Gives a resumed session the lifetimes that `admit` gave, because a login with "remember me" may use a session that existed
 * before. A session that has these lifetimes already is not changed, because otherwise each reconnect would move its absolute
 * deadline. Returns the session with its new deadlines; `undefined` if the session is gone. Releases the session if the session
 * is gone, and if the store fails.
 */
export async function extendResumed<Data extends object>(
  registry: SessionRegistry<Data>,
  state: LocalSession<Data>,
  stored: StoredSession,
  { lifetimes }: PendingDecision,
): Promise<StoredSession | undefined> {
  if (lifetimes === undefined || !hasOtherLifetimes(stored, lifetimes)) return stored;
  const release = () =>
    registry.releaseAdmitted({ state, fence: stored.fence, resumed: true, token: undefined });
  let extended: StoredSession | undefined;
  try {
    extended = await extendInStore(registry.settings, state.id, lifetimes);
  } catch (error) {
    release();
    throw asStoreError(error);
  }
  if (extended === undefined) {
    release();
    return undefined;
  }
  registry.lifetimes.set(state, extended);
  const { idleInMs, absoluteInMs, own } = extended;
  // Keep the other fields of the resume's answer, because the connection's position in the outbox starts from that answer.
  return { ...stored, idleInMs, absoluteInMs, own };
}
