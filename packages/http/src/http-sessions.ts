import { isSessionError } from "@wsession/core";
import type { CookieCarrier, Lifetimes, OriginRule, Session, Sessions } from "@wsession/core";
import { assertNoMore, inOneLogin, inOneOperation, owned, presentedTokens } from "@wsession/core/runtime";
import type { Login, RejectionOwner } from "@wsession/core/runtime";
import { assertSessions, checkHttpOptions, checkLogin, cookieHeader, ownerOf } from "./arguments.ts";
import type { CheckedLogin } from "./arguments.ts";
import type {
  ExpressOptions,
  HonoOptions,
  HttpSessions,
  HttpSessionsOptions,
  LoginOptions,
} from "./contract.ts";
import {
  assertCalled,
  checkExpress,
  checkHono,
  expressMiddleware,
  fastifyHook,
  honoMiddleware,
} from "./middleware.ts";
import { destroyAll } from "./presented.ts";
import { RequestSessions } from "./request-sessions.ts";
import { RequestView } from "./request.ts";
import { assertCookieFits, forbidCaching, headersOf } from "./response.ts";
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
  readonly #owner: RejectionOwner | undefined;
  readonly #cookie: CookieCarrier;
  readonly #origins: OriginRule | undefined;
  readonly #found = new RequestSessions<Session<Data, Transport, Context>>();

  constructor(
    sessions: SessionsOfHttp<Data, Transport, Context>,
    cookie: CookieCarrier,
    origins: OriginRule | undefined,
  ) {
    this.#sessions = sessions;
    this.#owner = ownerOf(sessions);
    this.#cookie = cookie;
    this.#origins = origins;
  }

  of(request: object, surplus?: undefined): Session<Data, Transport, Context> | undefined {
    assertNoMore("of()", surplus);
    return this.#found.of(request);
  }

  open(request: AnyRequest, surplus?: undefined): Promise<Session<Data, Transport, Context> | undefined> {
    const view = new RequestView("open()", request);
    assertNoMore("open()", surplus);
    return this.#owned(this.#open(request, view));
  }

  login(
    request: AnyRequest,
    response: AnyResponse,
    data: Data,
    options: LoginOptions,
    surplus?: undefined,
  ): Promise<Session<Data, Transport, Context>> {
    const view = new RequestView("login()", request);
    const headers = headersOf("login()", response, view);
    assertNoMore("login()", surplus);
    const checked = checkLogin(options);
    const run = (login: Login<Data, Session<Data, Transport, Context>>) =>
      this.#login(request, view, headers, data, checked, login);
    return this.#owned(inOneLogin(this.#sessions, checked.subject, run));
  }

  logout(request: AnyRequest, response: AnyResponse, surplus?: undefined): Promise<boolean> {
    const view = new RequestView("logout()", request);
    const headers = headersOf("logout()", response, view);
    assertNoMore("logout()", surplus);
    return this.#owned(inOneOperation(this.#sessions, () => this.#logout(request, view, headers)));
  }

  renew(
    request: AnyRequest,
    response: AnyResponse,
    surplus?: undefined,
  ): Promise<Session<Data, Transport, Context> | undefined> {
    const view = new RequestView("renew()", request);
    const headers = headersOf("renew()", response, view);
    assertNoMore("renew()", surplus);
    return this.#owned(inOneOperation(this.#sessions, () => this.#renew(request, view, headers)));
  }

  // The three methods check their arguments first, because an application may register `http.express` in place of `http.express()`.
  express(
    options?: ExpressOptions,
    surplus?: undefined,
  ): ReturnType<HttpSessions<Data, Transport, Context>["express"]> {
    assertCalled("express", options);
    const property = checkExpress(options);
    assertNoMore("express()", surplus);
    return expressMiddleware(this, property, this.#owner);
  }

  fastify(surplus?: undefined): ReturnType<HttpSessions<Data, Transport, Context>["fastify"]> {
    assertCalled("fastify", surplus);
    assertNoMore("fastify()", surplus);
    return fastifyHook(this);
  }

  hono(
    options?: HonoOptions<string>,
    surplus?: undefined,
  ): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
    assertCalled("hono", options);
    const variable = checkHono(options);
    assertNoMore("hono()", surplus);
    return honoMiddleware(this, this.#found, variable);
  }

  async #open(request: object, view: RequestView): Promise<Session<Data, Transport, Context> | undefined> {
    this.#found.begin(request);
    const session = await this.#sessions.open(this.#tokensOf(view));
    this.#found.set(request, session);
    return session;
  }

  async #login(
    request: object,
    view: RequestView,
    headers: ResponseHeaders,
    data: Data,
    { checkOrigin, lifetimes }: CheckedLogin,
    login: Login<Data, Session<Data, Transport, Context>>,
  ): Promise<Session<Data, Transport, Context>> {
    this.#found.begin(request);
    if (checkOrigin) assertOrigin(this.#origins, view);
    forbidCaching(headers);
    const presented = await this.#sessions.open(this.#tokensOf(view));
    const isAnonymous = presented !== undefined && presented.subject === undefined;
    const { session, token } =
      (isAnonymous ? await this.#identify(presented, data, lifetimes, login) : undefined) ??
      (await login.create(data, lifetimes, presented));
    try {
      // Otherwise the sockets of the browser's earlier login would stay open with the rights of the earlier user.
      if (!isAnonymous && !headers.hasNoReceiver()) await presented?.destroy("logged in again");
      // A session whose token no browser has would count for `maxSessionsPerSubject`, and no client could end it. The client may also have
      // gone during the destruction above.
      if (headers.hasNoReceiver()) {
        await session.destroy("the client has gone");
        return session;
      }
      login.assertNotEnded();
      this.#setCookie(headers, session, token);
    } catch (error) {
      // No browser got the token, so a session of the user would stay that no browser can end.
      await this.#discard(session);
      throw error;
    }
    this.#found.set(request, session);
    return session;
  }

  /** Logs in an anonymous session. Resolves with `undefined` if a race is lost: another request has replaced its token or ended it. */
  async #identify(
    session: Session<Data, Transport, Context>,
    data: Data,
    lifetimes: Lifetimes,
    login: Login<Data, Session<Data, Transport, Context>>,
  ): Promise<{ session: Session<Data, Transport, Context>; token: string } | undefined> {
    let token: string;
    try {
      ({ token } = await login.identify(session));
    } catch (error) {
      if (isSessionError(error, "CONFLICT") || isSessionError(error, "SESSION_GONE")) return undefined;
      throw error;
    }
    try {
      await session.set(data);
      await session.extend(lifetimes);
      return { session, token };
    } catch (error) {
      // The session has ended since. The next step rejects if all sessions of the subject were destroyed, in any process.
      if (isSessionError(error, "SESSION_GONE")) return undefined;
      // The session has the subject, and not its data. Its older token is invalid, so nothing is lost with it.
      await this.#discard(session);
      throw error;
    }
  }

  /** Destroys the session of a failed login. The caller throws the error of the login, so an error of the destruction is reported. */
  async #discard(session: Session<Data, Transport, Context>): Promise<void> {
    try {
      await session.destroy("login failed");
    } catch (error) {
      this.#owner?.unhandled(error);
    }
  }

  async #logout(request: object, view: RequestView, headers: ResponseHeaders): Promise<boolean> {
    this.#found.begin(request);
    assertOrigin(this.#origins, view);
    forbidCaching(headers);
    const isDestroyed = await destroyAll(this.#sessions, this.#tokensOf(view), "logged out");
    headers.add(...cookieHeader(this.#cookie, "", 0));
    this.#found.set(request, undefined);
    return isDestroyed;
  }

  async #renew(
    request: object,
    view: RequestView,
    headers: ResponseHeaders,
  ): Promise<Session<Data, Transport, Context> | undefined> {
    this.#found.begin(request);
    assertOrigin(this.#origins, view);
    forbidCaching(headers);
    const session = await this.#sessions.open(this.#tokensOf(view));
    this.#found.set(request, session);
    if (session === undefined) return undefined;
    // The browser of a client that has gone keeps the older token, which a rotation would leave valid for `graceMs` only.
    if (headers.hasNoReceiver()) return session;
    try {
      const { token } = await session.rotate();
      this.#setCookie(headers, session, token);
    } catch (error) {
      if (isSessionError(error, "SESSION_GONE")) {
        // Another tab has logged out meanwhile, so this request has no session either.
        this.#found.set(request, undefined);
        return undefined;
      }
      if (!isSessionError(error, "CONFLICT")) throw error;
    }
    return session;
  }

  #tokensOf({ handshake }: RequestView): readonly string[] {
    return presentedTokens(this.#cookie, handshake);
  }

  #setCookie(headers: ResponseHeaders, session: Session<Data, Transport, Context>, token: string): void {
    const [name, line] = cookieHeader(this.#cookie, token, session.expiresAt - Date.now());
    assertCookieFits(line);
    headers.add(name, line);
  }

  /** A rejection that the application does not await is reported as one of the sessions, and does not end the process (I12). */
  #owned<Result>(promise: Promise<Result>): Promise<Result> {
    return owned(promise, this.#owner);
  }
}
