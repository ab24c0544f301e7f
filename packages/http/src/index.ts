export { fromAuthJs } from "./auth-js.ts";
export type { AuthJsOptions, AuthJsSession } from "./auth-js.ts";
export type {
  ExpressOptions,
  HonoOptions,
  HttpSessions,
  HttpSessionsOptions,
  LoginOptions,
} from "./contract.ts";
export { HttpSessionError, httpStatusOf, isHttpSessionError } from "./http-error.ts";
export type { HttpSessionErrorCode } from "./http-error.ts";
export { httpSessions } from "./http-sessions.ts";
export type {
  AnyRequest,
  AnyResponse,
  FastifyReplyLike,
  FetchHeaders,
  FetchRequest,
  HonoContext,
  NodeRequest,
  NodeResponse,
} from "./shapes.ts";
export { expressStore } from "./express-session/express-store.ts";
export type { ExpressStore, SessionsForStore } from "./express-session/express-store.ts";
export { fromExpressSession, fromFastifySession } from "./express-session/readers.ts";
export type {
  AnySession,
  FoundSession,
  SessionReader,
  SessionReaderOptions,
} from "./express-session/readers.ts";
export type { SessionReaderStore } from "./express-session/store-shape.ts";
