export { CloseCode, MAX_REASON_BYTES } from "./close-codes.ts";
export type {
  Connection,
  DestroyReport,
  Handlers,
  HandlersOf,
  Patch,
  PresenceReport,
  ReadyOptions,
  Renewal,
  Session,
  Sessions,
} from "./contract.ts";
export type { Diagnostics } from "./diagnostics.ts";
export { isSessionError, SessionError } from "./errors.ts";
export type { Outcome, SessionErrorCode, SessionErrorOptions } from "./errors.ts";
export { accept, reject } from "./handshake.ts";
export type { AcceptOptions, Admission, Awaitable, Handshake, OriginRule } from "./handshake.ts";
export type { EarlyLimits, ErrorContext, InboxLimits, SessionsOptions, Stage } from "./options.ts";
export type { Binding, CloseOptions, SendOutcome } from "./runtime.ts";
export type { StandardSchemaV1 } from "./schema.ts";
export { createSessions } from "./sessions.ts";
export type {
  Change,
  CreateRequest,
  CreateResult,
  Fields,
  HeldSession,
  NodePresence,
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
  StoreHost,
  StorePresence,
  WriteRequest,
  WriteResult,
} from "./store.ts";
export { inConnectionStore } from "./stores/in-connection.ts";
export { mapStore } from "./stores/map.ts";
export type { MapStore, MapStoreOptions } from "./stores/map.ts";
export { cookieToken, protocolToken, queryToken } from "./token.ts";
export type { CookieCarrier, CookieOptions, ProtocolCarrier, TokenCarrier } from "./token.ts";
export type { TransportSession } from "./transport.ts";
