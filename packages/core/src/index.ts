export { CloseCode, MAX_REASON_BYTES } from "./base/close-codes.ts";
export type {
  CloseInfo,
  Connection,
  Patch,
  ReadyOptions,
  ReplayEvent,
  Renewal,
  SendOutcome,
  Session,
  TransportSession,
} from "./api/contract.ts";
export type { Handlers } from "./api/handlers.ts";
export type {
  ConnectionOf,
  CreateOptions,
  DestroyReport,
  HandlersOf,
  OpenOptions,
  PresenceReport,
  SessionOf,
  Sessions,
  TransactionOf,
} from "./api/sessions.ts";
export type { Diagnostics } from "./base/diagnostics.ts";
export { isSessionError, SessionError } from "./base/errors.ts";
export { onTelemetry } from "./base/telemetry.ts";
export type {
  ConnectionCloseTelemetry,
  ConnectionOpenTelemetry,
  HandshakeRefusal,
  HandshakeTelemetry,
  MessageTelemetry,
  OutboxSendTelemetry,
  SessionDestroyTelemetry,
  SessionResumeTelemetry,
  StoreCallTelemetry,
  StoreHealthTelemetry,
  TelemetryEvents,
  TransactionOutcome,
  TransactionTelemetry,
  WriteTelemetry,
} from "./base/telemetry-events.ts";
export type { Outcome, SessionErrorCode, SessionErrorOptions } from "./base/errors.ts";
export { accept, reject } from "./handshake/handshake.ts";
export type {
  Acceptance,
  AcceptOptions,
  Admission,
  Handshake,
  OriginRule,
  Rejection,
  RejectOptions,
} from "./handshake/handshake.ts";
export type { HeaderValues } from "./handshake/headers.ts";
export type { CommonOptions, EarlyLimits, InboxLimits, SessionEvents } from "./api/options.ts";
export type { ErrorContext, Stage } from "./api/error-context.ts";
export type {
  AdmitOption,
  NoTokenOption,
  InitialOption,
  SchemaOption,
  SessionsOptions,
  TransportOption,
} from "./api/typed-options.ts";
export type { Health } from "./api/health.ts";
export type { Lifetimes } from "./base/lifetimes.ts";
export type { Binding, CloseOptions } from "./api/runtime.ts";
export { isTransactionRefused, TransactionRefused, unchecked } from "@wsession/protocol";
export type { Awaitable, SendOptions, Sent, StandardSchemaV1 } from "@wsession/protocol";
export type { OutboxLimits } from "./api/outbox-limits.ts";
export type { Transaction } from "./api/transaction.ts";
export { createSessions } from "./server/create-sessions.ts";
export type { WriteAdmitAboveInitial } from "./server/create-sessions.ts";
export type {
  Change,
  CreateRequest,
  CreateResult,
  Decision,
  ExtendRequest,
  ExtendResult,
  Fields,
  HealthMethods,
  HeldSession,
  NodePresence,
  OverLimit,
  OwnLifetimes,
  ResumedBy,
  ResumeRequest,
  ResumeResult,
  RotateRequest,
  RotateResult,
  SessionStore,
  StoreCapabilities,
  StoredSession,
  StoreDestroyResult,
  StoreEvent,
  StoreHealth,
  StoreHost,
  StorePresence,
  TakeOverResult,
  WriteRequest,
  WriteResult,
} from "./store/contract.ts";
export type { SubjectLimitOption } from "./api/subject-limit-option.ts";
export type { CommitMethods, CommitNumbers, CommitRequest, CommitResult } from "./store/commit-contract.ts";
export type {
  ReleaseReason,
  PresenceEvent,
  PresenceMethods,
  PresenceType,
  SessionEvent,
  SessionEventType,
  SessionPresence,
  SubjectPresence,
  Tracking,
} from "./store/presence-contract.ts";
export type {
  RaisedFence,
  SubjectLimit,
  SubjectMethods,
  TakeOverSubjectRequest,
  TakeOverSubjectResult,
} from "./store/subject-contract.ts";
export type { ClientRecord, ClientRecords } from "./store/stored-session.ts";
export type {
  AppendedEvent,
  AppendRequest,
  AppendResult,
  Chain,
  OutboxAppend,
  OutboxBounds,
  OutboxEntry,
  OutboxMessage,
  OutboxMethods,
  Position,
  ReadRequest,
  ReadResult,
} from "./store/outbox-contract.ts";
export { mixChain } from "./store/mix-chain.ts";
export { inConnectionStore } from "./store/in-connection.ts";
export { mapStore } from "./store/map-store.ts";
export type { MapStore, MapStoreOptions } from "./store/map-options.ts";
export { cookieToken } from "./handshake/carriers.ts";
export { protocolToken, queryToken } from "./handshake/url-carriers.ts";
export type { CookieCarrier, CookieOptions, ProtocolCarrier, TokenCarrier } from "./handshake/carriers.ts";
