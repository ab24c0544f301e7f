/** Reports to every tab of a session how many connections the session has, and on how many processes. */
import type { Session } from "@wsession/core";
import { sendReport } from "./handlers.ts";
import type { Visitor, VisitorSessions } from "./session.ts";

const LOOK_AGAIN_MS = 2_000;

export interface PresenceReporter {
  readonly report: (session: Session<Visitor>) => void;
  readonly stop: () => void;
}

/**
 * Changes in this process are sent at once. Other processes do not announce their connections, so with a shared store
 * presence is queried repeatedly while a page shows it.
 */
export function presenceReporter(
  sessions: VisitorSessions,
  shared: boolean,
  onError: (error: unknown) => void,
): PresenceReporter {
  async function report(session: Session<Visitor>): Promise<void> {
    const { connections, nodes, missing } = await sessions.presence(session.id);
    for (const connection of session.connections) {
      sendReport(connection, {
        type: "presence",
        connections,
        processes: nodes.length,
        missing: missing.length,
      });
    }
  }
  const reportSafely = (session: Session<Visitor>): void => void report(session).catch(onError);

  function lookAgain(): void {
    const held = new Map([...sessions.connections].map(({ session }) => [session.id, session]));
    for (const session of held.values()) reportSafely(session);
  }
  const timer = shared ? setInterval(lookAgain, LOOK_AGAIN_MS).unref() : undefined;
  return { report: reportSafely, stop: () => clearInterval(timer) };
}
