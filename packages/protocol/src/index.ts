export type { Awaitable } from "./awaitable.ts";
export { mixChain, readChain, writeChain, writePosition } from "./chain.ts";
export type { Chain, Position } from "./chain.ts";
export {
  BYE,
  parseClientControl,
  PROBE,
  readClientId,
  TOKEN_KEPT,
  writeAttach,
  writeClientControl,
  writeRead,
} from "./client-frames.ts";
export type { Attach, ClientControl } from "./client-frames.ts";
export { ProtocolError } from "./errors.ts";
export {
  optional,
  readMark,
  readMembers,
  readNumber,
  readPosition,
  readSessionId,
  readText,
} from "./fields.ts";
export { CONTROL, COUNTED, Lead, leadOf, payloadOf, writeCounted, writePlain } from "./frame.ts";
export {
  CLIENT_ID_LENGTH,
  DECOY_SUBPROTOCOL,
  EARLY_BYTES,
  EARLY_MESSAGES,
  MAX_CONTROL_LENGTH,
  MAX_NUMBER,
  SUBPROTOCOL,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
} from "./limits.ts";
export type { PromiseOwner } from "./ownership.ts";
export { isTransactionRefused, TransactionRefused } from "./refusal.ts";
export { issuePaths, unchecked } from "./schema.ts";
export type { SchemaIssue, SchemaResult, StandardSchemaV1 } from "./schema.ts";
export type { SendOptions, Sent } from "./sending.ts";
export { parseKept, parseServerControl, writeKept, writeServerControl } from "./server-frames.ts";
export type { Hello, Kept, Missed, ServerControl } from "./server-frames.ts";
export { readRefused, writeRefused } from "./settled.ts";
