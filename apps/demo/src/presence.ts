/** Tells every tab of a session how many connections it has, and on how many processes. */
import type { Session } from "@wsession/core";
import { tell } from "./handlers.ts";
import type { Visitor, VisitorSessions } from "./session.ts";

const LOOK_AGAIN_MS = 2_000;

export interface PresenceTeller {
  readonly tell: (session: Session<Visitor>) => void;
  readonly stop: () => void;
}

/**
 * Changes in this process are sent at once. Other processes do not announce their connections, so with a shared store
 * presence is queried repeatedly while a page shows it.
 */
export function presenceTeller(
  sessions: VisitorSessions,
  shared: boolean,
  onError: (error: unknown) => void,
): PresenceTeller {
  async function report(session: Session<Visitor>): Promise<void> {
    const { connections, nodes, missing } = await sessions.presence(session.id);
    for (const connection of session.connections) {
      tell(connection, { type: "presence", connections, processes: nodes.length, missing: missing.length });
    }
  }
  const tellAll = (session: Session<Visitor>): void => void report(session).catch(onError);

  function lookAgain(): void {
    const held = new Map([...sessions.connections].map(({ session }) => [session.id, session]));
    for (const session of held.values()) tellAll(session);
  }
  const timer = shared ? setInterval(lookAgain, LOOK_AGAIN_MS).unref() : undefined;
  return { tell: tellAll, stop: () => clearInterval(timer) };
}
