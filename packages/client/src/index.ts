export { isTransactionRefused, TransactionRefused } from "@wsession/protocol";
export { ClientError, isClientError } from "./client-error.ts";
export type { ClientErrorCode, Outcome } from "./client-error.ts";
export { connect } from "./connect.ts";
export type {
  Address,
  Backoff,
  Client,
  ClientEvents,
  ClientOptions,
  ClosedWhy,
  KeyValueStorage,
  QueueLimits,
  StatusEvent,
  TokenStorage,
  WebSocketClass,
  WebSocketLike,
} from "./contract.ts";
export { tokenInMemory, tokenInStorage } from "./tokens.ts";
export type { TokenOptions } from "./tokens.ts";
