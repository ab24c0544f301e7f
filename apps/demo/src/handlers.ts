/** The application: one set of handlers, for both runtimes. */
import { randomUUID } from "node:crypto";
import process from "node:process";
import { isSessionError } from "@wsession/core";
import type { Connection, HandlersOf, Session } from "@wsession/core";
import { expireSoon, logIn, logOutEverywhere, SOON_MS, writeWhileAway } from "./login.ts";
import { readCommand } from "./messages.ts";
import type { Command, Report, SessionView } from "./messages.ts";
import { press } from "./press.ts";
import type { Visitor, VisitorSessions } from "./session.ts";

type VisitorConnection = Connection<Visitor, unknown, never>;

const MOST_NOTES = 8;

export interface Serving {
  readonly sessions: VisitorSessions;
  /** The number of this process, from 1. */
  readonly process: number;
  /** Whether the sessions survive the end of the process. Only then may a visitor kill it. */
  readonly isMortal: boolean;
  /** Called when the number of a session's connections in this process has changed. */
  readonly connectionsChanged: (session: Session<Visitor>) => void;
}

export function visitorHandlers(serving: Serving): HandlersOf<VisitorSessions> {
  return {
    open(connection) {
      const { session, resumed } = connection;
      sendReport(connection, {
        type: "welcome",
        resumed,
        connection: connection.id,
        process: serving.process,
        pid: process.pid,
        session: view(session),
      });
      serving.connectionsChanged(session);
    },

    async message(connection, message) {
      const command = readCommand(message);
      if (typeof command === "string") return sendReport(connection, { type: "refused", reason: command });
      try {
        await execute(connection, command, serving);
      } catch (error) {
        // An unavailable store must not end the connection as a failed handler does: report it to the visitor, and keep the
        // connection.
        if (!isSessionError(error)) throw error;
        sendReport(connection, {
          type: "failed",
          code: error.code,
          outcome: error.outcome,
          reason: error.message,
        });
      }
    },

    // Called with the messages that the page sends by `client.send`. Each message counts exactly once.
    transaction: (tx, message) => press(tx, message),

    // Not called for this connection's own writes. Their answers are sent where they are written.
    change(connection) {
      sendReport(connection, { type: "changed", session: view(connection.session) });
    },

    close(connection) {
      serving.connectionsChanged(connection.session);
    },
  };
}

async function execute(connection: VisitorConnection, command: Command, serving: Serving): Promise<void> {
  const { session } = connection;
  switch (command.type) {
    case "rename":
      await session.patch({ name: command.name });
      return sendReport(connection, { type: "written", method: "patch", session: view(session) });
    case "recolour":
      await session.patch({ colour: command.colour });
      return sendReport(connection, { type: "written", method: "patch", session: view(session) });
    case "count":
      await session.update((data) => ({ ...data, count: data.count + command.by }));
      return sendReport(connection, { type: "written", method: "update", session: view(session) });
    case "note": {
      if (session.data.notes.length >= MOST_NOTES) {
        return sendReport(connection, {
          type: "refused",
          reason: `a session here keeps ${MOST_NOTES} notes; remove one first`,
        });
      }
      const note = { id: randomUUID(), text: command.text };
      await session.update((data) => ({ ...data, notes: [...data.notes, note].slice(-MOST_NOTES) }));
      return sendReport(connection, { type: "written", method: "update", session: view(session) });
    }
    case "forget":
      await session.update((data) => ({ ...data, notes: data.notes.filter(({ id }) => id !== command.id) }));
      return sendReport(connection, { type: "written", method: "update", session: view(session) });
    case "look":
      return sendReport(connection, { type: "seen", session: view(session) });
    case "rotate":
      // The library notifies the page's client, which connects again to get the new cookie.
      await session.rotate();
      return;
    case "login":
      // As after `rotate`, the library notifies the page's client.
      return logIn(connection, command.user);
    case "logout":
      if (session.subject === undefined)
        return sendReport(connection, { type: "refused", reason: "no user is logged in" });
      return logOutEverywhere(serving.sessions, session.subject);
    case "expire":
      await expireSoon(connection);
      return sendReport(connection, { type: "expires", inMs: SOON_MS });
    case "away":
      return writeWhileAway(serving.sessions, connection);
    case "drop":
      // Skip the closing handshake, so that the page gets the same event as after a pulled cable.
      return connection.terminate();
    case "destroy":
      await session.destroy("the visitor destroyed it");
      return;
    case "kill":
      if (!serving.isMortal) {
        return sendReport(connection, {
          type: "refused",
          reason: "the sessions are in this process and would die with it",
        });
      }
      process.kill(process.pid, "SIGKILL");
  }
}

export function sendReport(connection: Pick<Connection, "send">, report: Report): void {
  connection.send(JSON.stringify(report));
}

function view(session: Session<Visitor>): SessionView {
  return { id: session.id, version: session.version, subject: session.subject, data: session.data };
}
