/**
 * The actions that concern a user rather than a tab: login, logout everywhere, a deadline, and messages for a user who is away.
 */
import type { Connection } from "@wsession/core";
import type { Report } from "./messages.ts";
import type { Visitor, VisitorSessions } from "./session.ts";

type VisitorConnection = Connection<Visitor, unknown, never>;

/** Milliseconds until a session expires after its visitor has requested that. */
export const SOON_MS = 5_000;
const LETTERS = 3;

/**
 * Logs in. A real server checks a password first. The library gives the session a new token, and notifies the page's client, which
 * connects again for the new cookie.
 */
export async function logIn({ session }: VisitorConnection, user: string): Promise<void> {
  await session.identify(user);
}

/** Destroys every session of the user: each tab of each browser is closed with 4410. */
export async function logOutEverywhere(sessions: VisitorSessions, user: string): Promise<void> {
  await sessions.destroySubject(user, "logged out everywhere");
}

/** Moves the session's deadline, in the store, for every process. */
export async function expireSoon({ session }: VisitorConnection): Promise<void> {
  await session.extend({ expiresAt: Date.now() + SOON_MS });
}

/** Cuts the connection, and sends messages to the session while it has no connection. The store keeps them. */
export async function writeWhileAway(
  sessions: VisitorSessions,
  connection: VisitorConnection,
): Promise<void> {
  const { id } = connection.session;
  connection.terminate();
  // All messages are appended, in order, before the client can come back. With an `await` for each message, a slow store would
  // append the last one after the client is back.
  await Promise.all(
    Array.from({ length: LETTERS }, (_, index) => {
      const letter: Report = { type: "letter", number: index + 1, of: LETTERS };
      return sessions.send(id, JSON.stringify(letter));
    }),
  );
}
