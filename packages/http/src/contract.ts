/** The public types of `httpSessions`. */
import type { CookieCarrier, Lifetimes, OriginRule, Session } from "@wsession/core";
import type {
  AnyRequest,
  AnyResponse,
  FastifyReplyLike,
  HonoContext,
  NodeRequest,
  NodeResponse,
} from "./shapes.ts";

/** The options of `httpSessions`. */
export interface HttpSessionsOptions {
  /** The carrier from `cookieToken()`: the same object that `createSessions` has as its option `token`. */
  readonly cookie: CookieCarrier;
  /**
   * The origins whose pages may log in, log out and renew, as the option of the same name of `createSessions`.
   *
   * @default the `origins` of the sessions; without them only the host that the request was sent to
   */
  readonly origins?: OriginRule | undefined;
}

/** The options of `login`. The lifetimes apply to the session and to the cookie ("remember me"), as in `sessions.create`. */
export interface LoginOptions extends Lifetimes {
  /** The user. Well-formed Unicode, and not the empty string. */
  readonly subject: string;
  /**
   * Whether the origin of the request is checked. Set it to false for the callback of an identity provider: another site sends this
   * request, and the parameter `state` must protect it.
   *
   * @default true
   */
  readonly checkOrigin?: boolean | undefined;
}

/** The options of `express`. */
export interface ExpressOptions {
  /**
   * The name of a property of the request that gets the session. Do not use the name `session` together with express-session.
   *
   * @default no property is set; `http.of(request)` returns the session
   */
  readonly property?: string | undefined;
}

/** The options of `hono`. */
export interface HonoOptions<Variable extends string> {
  /** The name of a variable of the context that gets the session: `context.get(variable)`. */
  readonly variable: Variable;
}

/** The sessions of WebSockets, in HTTP code. */
export interface HttpSessions<Data extends object, Transport = unknown, Context = unknown> {
  /**
   * The session that `express`, `fastify`, `hono`, `open`, `login` or `renew` found for this request; `undefined` for a request
   * without one, and after `logout`.
   *
   * @throws INVALID_ARGUMENT for a value that is not an object, and for a request that was passed to none of these calls: the
   * middleware is missing, or is registered after the route.
   */
  of(request: object): Session<Data, Transport, Context> | undefined;
  /**
   * Opens the session of the request's cookie. This counts as activity of the session. Resolves with `undefined` if no cookie opens
   * a session. The session has no fence (I13).
   *
   * @throws the errors of `sessions.open`, as rejections.
   * @example
   * const session = await http.open(request);
   * if (session?.subject === undefined) return response.writeHead(401).end();
   */
  open(request: AnyRequest): Promise<Session<Data, Transport, Context> | undefined>;
  /**
   * Logs a user in, and sets the cookie. If the request has the cookie of a session without a subject, that session gets the
   * subject, a new token and `data`. Its open sockets stay, and are logged in without a reconnect. Otherwise the user gets a new
   * session. The session of an earlier login, whose cookie the request has, is destroyed. If the browser sends several cookies of
   * that name, the login reads only the first cookie that opens a session.
   *
   * Before anything is changed, the response and the origin of the request are checked. The response is not stored by caches. If
   * the client has gone by the end of the login, the session is destroyed again, because no browser has its token. With Fetch and
   * Hono the library reads this from the `signal` of the request. With `maxSessionsPerSubject` the user's earlier login ends before
   * the new session is created. So if the creation fails, the user has no session at all.
   *
   * @throws ORIGIN_NOT_ALLOWED (403), HEADERS_SENT and COOKIE_TOO_LARGE (HttpSessionError), and the errors of `create`, `identify`
   * and `set`, as rejections. INVALID_ARGUMENT at once. `httpStatusOf` has the status of each.
   * @example
   * await http.login(request, response, { name: user.name }, { subject: user.id });
   * response.writeHead(204).end();
   */
  login(
    request: AnyRequest,
    response: AnyResponse,
    data: Data,
    options: LoginOptions,
  ): Promise<Session<Data, Transport, Context>>;
  /**
   * Logs out: destroys the session of the request's cookie everywhere, closes its sockets with 4410, and clears the cookie.
   * If the browser sends several cookies of that name, the sessions of the first four cookies are destroyed. Resolves with false if
   * there was no session; the cookie is cleared then too.
   *
   * @throws ORIGIN_NOT_ALLOWED (403) and HEADERS_SENT (HttpSessionError), and the errors of `open` and `destroy`, as rejections.
   * INVALID_ARGUMENT at once.
   * @example
   * await http.logout(request, response);
   * response.writeHead(204).end();
   */
  logout(request: AnyRequest, response: AnyResponse): Promise<boolean>;
  /**
   * Replaces the token, and sets the cookie anew, with the lifetime that the session has left. The open sockets of the session
   * stay, and other requests may present the older token for `graceMs`. If another request of the same browser renews the token at
   * the same time, that request sets the cookie and this one sets none. If the library detects that the client has gone, the token
   * stays. Resolves with `undefined` if no cookie opens a session, or if the session ends meanwhile, for example by a logout in
   * another tab.
   *
   * @throws ORIGIN_NOT_ALLOWED (403) and HEADERS_SENT (HttpSessionError), and the errors of `open` and `rotate`, as rejections.
   * INVALID_ARGUMENT at once.
   */
  renew(request: AnyRequest, response: AnyResponse): Promise<Session<Data, Transport, Context> | undefined>;
  /**
   * Middleware for Express and Connect: opens the session of each request. If that fails, `next` gets the error.
   *
   * @throws INVALID_ARGUMENT for wrong options.
   * @example
   * app.use(http.express());
   * app.get("/me", (request, response) => response.json(http.of(request)?.data ?? null));
   */
  express(
    options?: ExpressOptions,
  ): (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void;
  /**
   * A hook for Fastify, which opens the session of each request. If that fails, the hook rejects, and Fastify answers with the
   * error.
   *
   * @example
   * fastify.addHook("onRequest", http.fastify());
   */
  fastify(): (request: NodeRequest, reply: FastifyReplyLike) => Promise<void>;
  /**
   * Middleware for Hono: opens the session of each request. `http.of(context)` and `http.of(context.req.raw)` return the session.
   *
   * @throws INVALID_ARGUMENT for wrong options.
   * @example
   * app.use(http.hono());
   */
  hono(): (context: HonoContext, next: () => Promise<void>) => Promise<void>;
  /**
   * Middleware for Hono: opens the session of each request. `http.of(context)`, `http.of(context.req.raw)` and
   * `context.get(variable)` return the session.
   *
   * @throws INVALID_ARGUMENT for wrong options.
   * @example
   * app.use(http.hono({ variable: "session" }));
   */
  hono<Variable extends string>(
    options: HonoOptions<Variable>,
  ): (
    context: HonoContext & { set(key: Variable, value: Session<Data, Transport, Context> | undefined): void },
    next: () => Promise<void>,
  ) => Promise<void>;
}
