/** The scope of all metrics and spans, and the names of attributes. */

export const SCOPE = "@wsession/opentelemetry";

/** Attributes of OpenTelemetry's semantic conventions come first, then those of this library. */
export const Attribute = {
  ErrorType: "error.type",
  HttpMethod: "http.request.method",
  HttpStatus: "http.response.status_code",
  SessionId: "session.id",
  MessagingSystem: "messaging.system",
  MessagingOperation: "messaging.operation.name",
  MessagingType: "messaging.operation.type",
  MessagingBytes: "messaging.message.body.size",
  Outcome: "wsession.outcome",
  Reason: "wsession.reason",
  Method: "wsession.store.method",
  Kind: "wsession.write.kind",
  Runtime: "wsession.runtime",
  ConnectionId: "wsession.connection.id",
  CloseCode: "wsession.close.code",
  ClosedBy: "wsession.close.by",
} as const;
