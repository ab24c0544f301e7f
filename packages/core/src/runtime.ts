/**
 * For authors of adapters: the interface between core and a runtime, and the checks that every adapter needs. HTTP code of this library
 * uses the checks too.
 */
export { resolveOrigins } from "./api/resolve-options.ts";
export { createWithId } from "./server/create-with-id.ts";
export { carrierOf, inOneLogin, inOneOperation } from "./server/login.ts";
export { presentedTokens, tokenHeader } from "./handshake/carrier-answers.ts";
export type { Login } from "./server/login.ts";
export { owned } from "./base/owned-promise.ts";
export type { RejectionOwner } from "./base/owned-promise.ts";
export { originAllowed, parseProtocols, plainAddress } from "./handshake/handshake.ts";
export { chooseSubprotocol } from "./handshake/subprotocol.ts";
export { assertHeader } from "./handshake/headers.ts";
export {
  assertBoolean,
  assertDuration,
  assertFunction,
  assertMethods,
  assertNoMore,
  assertOneOf,
  assertOptions,
  assertString,
  assertText,
  shown,
} from "./base/arguments.ts";
export { assertNames, invalidArgument } from "./base/errors.ts";
export { assertLifetimes, LIFETIME_OPTIONS } from "./base/lifetimes.ts";
export { assertSubject } from "./base/names.ts";
export { isRefusedPromise } from "./base/promises.ts";
export { Warnings } from "./base/warnings.ts";
export { REFUSED_AFTER_CLOSE } from "./server/refusals.ts";
export { tapConnection } from "./server/tapping.ts";
export type { ConnectionTap, TappedConnection } from "./api/tap.ts";
export type {
  Binding,
  CloseOptions,
  HandshakeAnswer,
  Runtime,
  RuntimeBinding,
  RuntimeConnection,
  Ticket,
} from "./api/runtime.ts";
export type { SendOutcome } from "./api/contract.ts";
/** For authors of stores with `watch`. */
export { SubjectWatches, together } from "./store/subject-watches.ts";
export type { SessionPresenceState } from "./store/subject-watches.ts";
