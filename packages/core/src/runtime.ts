/** For authors of adapters: the port between core and a runtime, and the checks that every adapter needs. */
export { assertHeader, assertNames, isRefusedPromise, parseProtocols, plainAddress } from "./api/runtime.ts";
export type {
  Binding,
  CloseOptions,
  HandshakeAnswer,
  Runtime,
  RuntimeBinding,
  RuntimeConnection,
  SendOutcome,
  Ticket,
} from "./api/runtime.ts";
