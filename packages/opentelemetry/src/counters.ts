/** The metrics that are read from `sessions.diagnostics`. */
import type { Attributes } from "@opentelemetry/api";
import type { Diagnostics } from "@wsession/core";
import { Attribute } from "./names.ts";

export interface MetricDefinition {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** A value that may fall is a gauge in Prometheus. */
  readonly mayFall?: boolean;
  /** The values, each with its attributes. */
  readonly values: (
    diagnostics: Diagnostics,
  ) => readonly (readonly [value: number, attributes?: Attributes])[];
}

const outcome = (value: string): Attributes => ({ [Attribute.Outcome]: value });
const reason = (value: string): Attributes => ({ [Attribute.Reason]: value });

export const metricDefinitions: readonly MetricDefinition[] = [
  {
    name: "wsession.handshakes",
    unit: "{handshake}",
    description: "Handshakes that were answered, or whose client had gone before the answer.",
    values: (d) => [
      [d.handshakesAccepted, outcome("accepted")],
      [d.handshakesRefused, outcome("refused")],
      [d.handshakesAbandoned, outcome("abandoned")],
    ],
  },
  {
    name: "wsession.handshakes.pending",
    unit: "{handshake}",
    description: "Handshakes that are being decided now.",
    mayFall: true,
    values: (d) => [[d.handshakesPending]],
  },
  {
    name: "wsession.origins.refused",
    unit: "{handshake}",
    description: "Handshakes that were refused for their Origin. Also counted as refused handshakes.",
    values: (d) => [[d.originsRefused]],
  },
  {
    name: "wsession.connections",
    unit: "{connection}",
    description: "Live connections.",
    mayFall: true,
    values: (d) => [[d.connectionsOpened - d.connectionsClosed]],
  },
  {
    name: "wsession.connections.opened",
    unit: "{connection}",
    description: "Connections that were opened.",
    values: (d) => [[d.connectionsOpened]],
  },
  {
    name: "wsession.sessions",
    unit: "{session}",
    description: "Sessions that were created, and sessions that clients came back to.",
    values: (d) => [
      [d.sessionsCreated, reason("created")],
      [d.sessionsResumed, reason("resumed")],
    ],
  },
  {
    name: "wsession.tokens.refused",
    unit: "{token}",
    description:
      "Tokens that opened no session. `stolen`: a replaced token was presented after its grace period.",
    values: (d) => [
      [d.tokensWrong, reason("wrong")],
      [d.tokensMalformed, reason("malformed")],
      [d.tokensUnknown, reason("unknown")],
      [d.tokensForeign, reason("foreign")],
      [d.tokensStolen, reason("stolen")],
    ],
  },
  {
    name: "wsession.messages.lost",
    unit: "{message}",
    description:
      "Received messages that were discarded at the end of their connection, refused as invalid, or had no handler.",
    values: (d) => [
      [d.messagesDiscarded, reason("discarded")],
      [d.messagesRefused, reason("refused")],
      [d.messagesUnhandled, reason("unhandled")],
    ],
  },
  {
    name: "wsession.sends.dropped",
    unit: "{message}",
    description: "Calls of `connection.send` that were answered with dropped.",
    values: (d) => [[d.sendsDropped]],
  },
  {
    name: "wsession.limits.exceeded",
    unit: "{connection}",
    description: "Connections that were closed because too much waited.",
    values: (d) => [[d.limitsExceeded]],
  },
  {
    name: "wsession.client.errors",
    unit: "{error}",
    description: "Protocol errors of clients, and errors of their networks.",
    values: (d) => [[d.clientErrors]],
  },
  {
    name: "wsession.handlers.cut_short",
    unit: "{call}",
    description: "Handlers that failed only because their connection or session had ended.",
    values: (d) => [[d.handlersCutShort]],
  },
  {
    name: "wsession.writes",
    unit: "{write}",
    description: "Writes that were sent to the store.",
    values: (d) => [[d.writes]],
  },
  {
    name: "wsession.write.conflicts",
    unit: "{write}",
    description: "Writes that the store answered with a conflict.",
    values: (d) => [[d.conflicts]],
  },
  {
    name: "wsession.write.tries.max",
    unit: "{try}",
    description: "The largest number of tries that one write needed.",
    mayFall: true,
    values: (d) => [[d.writeTriesMax]],
  },
  {
    name: "wsession.transactions",
    unit: "{transaction}",
    description: "Transactions that were committed, and that were refused or failed.",
    values: (d) => [
      [d.transactions, outcome("committed")],
      [d.transactionsRefused, outcome("refused")],
    ],
  },
  {
    name: "wsession.rereads",
    unit: "{session}",
    description: "Sessions that were read again, because an announcement of a change was missed.",
    values: (d) => [[d.rereads]],
  },
  {
    name: "wsession.store.losses",
    unit: "{change}",
    description: "Losses of acknowledged changes, after a failover or a restart of the store.",
    values: (d) => [[d.storeLosses]],
  },
];
