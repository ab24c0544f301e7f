/** The messages of a session's connections, as signs that the session is in use. */
import type { LocalSession } from "./local-session.ts";

/** The next message of each connection touches the session at once. */
export function awaitMessages<Data extends object>(state: LocalSession<Data>): void {
  for (const connection of state.connections()) connection.touchOnNextMessage();
}

/** Whether a message has arrived since the last call. */
export function takeActivity<Data extends object>(state: LocalSession<Data>): boolean {
  let isActive = false;
  for (const connection of state.connections()) {
    isActive ||= connection.isActive;
    connection.isActive = false;
  }
  return isActive;
}
