import { isSessionError } from "@wsession/core";
import type { CookieCarrier, OriginRule, Session, Sessions } from "@wsession/core";
import { assertNoMore, owned } from "@wsession/core/runtime";
import type { RejectionOwner } from "@wsession/core/runtime";
import { assertSessions, checkHttpOptions, checkLogin } from "./arguments.ts";
import type { CheckedLogin } from "./arguments.ts";
import type {
  ExpressOptions,
  HonoOptions,
  HttpSessions,
  HttpSessionsOptions,
  LoginOptions,
} from "./contract.ts";
import { expressMiddleware, fastifyHook, honoMiddleware } from "./middleware.ts";
import { RequestView } from "./request.ts";
import { headersOf } from "./response.ts";
import type { ResponseHeaders } from "./response.ts";
import { assertOrigin } from "./same-site.ts";
import type { AnyRequest, AnyResponse, HonoContext } from "./shapes.ts";

/**
 * The sessions of WebSockets in HTTP code: the session of a request, login, logout, and a new cookie. `cookie` is the carrier that
 * `createSessions` has as its option `token`.
 *
 * @throws INVALID_ARGUMENT for a wrong option.
 * @example
 * const cookie = cookieToken();
 * const sessions = createSessions<{ name: string }>({ store, token: cookie, origins: ["https://app.example.com"] });
 * const http = httpSessions(sessions, { cookie });
 *
 * app.use(http.express());
 * app.post("/login", async (request, response) => {
 *   const user = await checkPassword(request);
 *   if (user === undefined) return response.sendStatus(401);
 *   await http.login(request, response, { name: user.name }, { subject: user.id });
 *   response.sendStatus(204);
 * });
 */
export function httpSessions<Data extends object, Transport, Unset extends undefined, Context>(
  sessions: Sessions<Data, Transport, Unset, Context>,
  options: HttpSessionsOptions,
): HttpSessions<Data, Transport, Context>;
export function httpSessions<Data extends object, Transport, Unset extends undefined, Context>(
  sessions: Sessions<Data, Transport, Unset, Context>,
  options: HttpSessionsOptions,
  surplus?: undefined,
): HttpSessions<Data, Transport, Context> {
  assertSessions("httpSessions", sessions);
  const rule = checkHttpOptions(sessions, options);
  assertNoMore("httpSessions()", surplus);
  return new LiveHttpSessions(sessions, options.cookie, rule);
}

type SessionsOfHttp<Data extends object, Transport, Context> = Pick<
  Sessions<Data, Transport, undefined, Context>,
  "open" | "create"
>;

class LiveHttpSessions<Data extends object, Transport, Context> implements HttpSessions<
  Data,
  Transport,
  Context
> {
  readonly #sessions: SessionsOfHttp<Data, Transport, Context>;
  readonly #cookie: CookieCarrier;
  readonly #origins: OriginRule | undefined;
  /** Weakly, so that the session of a request goes with the request. */
  readonly #found = new WeakMap<object, Session<Data, Transport, Context>>();

  constructor(
    sessions: SessionsOfHttp<Data, Transport, Context>,
    cookie: CookieCarrier,
    origins: OriginRule | undefined,
  ) {
    this.#sessions = sessions;
    this.#cookie = cookie;
    this.#origins = origins;
  }

  of(request: object): Session<Data, Transport, Context> | undefined {
    return this.#found.get(request);
  }

  open(request: AnyRequest): Promise<Session<Data, Transport, Context> | undefined> {
    const view = new RequestView("open()", request);
    return this.#owned(this.#open(request, view));
  }

  login(
    request: AnyRequest,
    response: AnyResponse,
    data: Data,
    options: LoginOptions,
  ): Promise<Session<Data, Transport, Context>> {
    const view = new RequestView("login()", request);
    const checked = checkLogin(options);
    return this.#owned(this.#login(request, view, response, data, checked));
  }

  logout(request: AnyRequest, response: AnyResponse): Promise<boolean> {
    const view = new RequestView("logout()", request);
    return this.#owned(this.#logout(request, view, response));
  }

  renew(request: AnyRequest, response: AnyResponse): Promise<Session<Data, Transport, Context> | undefined> {
    const view = new RequestView("renew()", request);
    return this.#owned(this.#renew(request, view, response));
  }

  express(options?: ExpressOptions): ReturnType<HttpSessions<Data, Transport, Context>["express"]> {
    return expressMiddleware(this, options);
  }

  fastify(): ReturnType<HttpSessions<Data, Transport, Context>["fastify"]> {
    return fastifyHook(this, this.#found);
  }

  hono(options?: HonoOptions<string>): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
    return honoMiddleware(this, this.#found, options);
  }

  async #open(request: object, view: RequestView): Promise<Session<Data, Transport, Context> | undefined> {
    const session = await this.#sessions.open(this.#tokensOf(view));
    return this.#remember(request, session);
  }

  async #login(
    request: object,
    view: RequestView,
    response: AnyResponse,
    data: Data,
    login: CheckedLogin,
  ): Promise<Session<Data, Transport, Context>> {
    if (login.checkOrigin) assertOrigin(this.#origins, view);
    const headers = headersOf("login()", response);
    const presented = await this.#sessions.open(this.#tokensOf(view));
    const isAnonymous = presented !== undefined && presented.subject === undefined;
    const { session, token } =
      (isAnonymous ? await this.#identify(presented, data, login) : undefined) ??
      (await this.#sessions.create(data, { subject: login.subject, ...login.lifetimes }));
    try {
      // The browser's earlier login ends. Otherwise its sockets would stay open as the earlier user.
      if (!isAnonymous) await presented?.destroy("logged in again");
      this.#setCookie(headers, session, token);
    } catch (error) {
      // Nobody has the token. Otherwise a session of the user would live on that no browser can end.
      await session.destroy().catch(() => undefined);
      throw error;
    }
    this.#found.set(request, session);
    return session;
  }

  /** Logs in an anonymous session; `undefined` if another request has replaced its token meanwhile, or it is gone (race). */
  async #identify(
    session: Session<Data, Transport, Context>,
    data: Data,
    { subject, lifetimes }: CheckedLogin,
  ): Promise<{ session: Session<Data, Transport, Context>; token: string } | undefined> {
    let token: string;
    try {
      ({ token } = await session.identify(subject));
    } catch (error) {
      if (isSessionError(error, "CONFLICT") || isSessionError(error, "SESSION_GONE")) return undefined;
      throw error;
    }
    try {
      await session.set(data);
      await session.extend(lifetimes);
      return { session, token };
    } catch (error) {
      // The session has the subject, and not its data. Its older token is invalid, so nothing is lost with it.
      await session.destroy("login failed").catch(() => undefined);
      throw error;
    }
  }

  async #logout(request: object, view: RequestView, response: AnyResponse): Promise<boolean> {
    assertOrigin(this.#origins, view);
    const headers = headersOf("logout()", response);
    const session = await this.#sessions.open(this.#tokensOf(view), { touch: false });
    const isDestroyed = (await session?.destroy("logged out")) ?? false;
    headers.add(...this.#cookie.write("", 0));
    this.#found.delete(request);
    return isDestroyed;
  }

  async #renew(
    request: object,
    view: RequestView,
    response: AnyResponse,
  ): Promise<Session<Data, Transport, Context> | undefined> {
    assertOrigin(this.#origins, view);
    const headers = headersOf("renew()", response);
    const session = await this.#sessions.open(this.#tokensOf(view));
    if (session === undefined) return this.#remember(request, undefined);
    try {
      const { token } = await session.rotate();
      this.#setCookie(headers, session, token);
    } catch (error) {
      if (!isSessionError(error, "CONFLICT")) throw error;
    }
    return this.#remember(request, session);
  }

  #tokensOf({ handshake }: RequestView): readonly string[] {
    const first = this.#cookie.read(handshake);
    if (first === undefined) return [];
    return [first, ...(this.#cookie.readAll?.(handshake) ?? [])];
  }

  #setCookie(headers: ResponseHeaders, session: Session<Data, Transport, Context>, token: string): void {
    headers.add(...this.#cookie.write(token, session.expiresAt - Date.now()));
  }

  #remember(
    request: object,
    session: Session<Data, Transport, Context> | undefined,
  ): Session<Data, Transport, Context> | undefined {
    if (session === undefined) this.#found.delete(request);
    else this.#found.set(request, session);
    return session;
  }

  /** A rejection that the application does not await is reported as one of the sessions, and does not end the process (I12). */
  #owned<Result>(promise: Promise<Result>): Promise<Result> {
    return owned(promise, isOwner(this.#sessions) ? this.#sessions : undefined);
  }
}

function isOwner(sessions: object): sessions is RejectionOwner {
  return "unhandled" in sessions && typeof sessions.unhandled === "function";
}
