/** The session that was found for each request. */
import { invalidArgument } from "@wsession/core/runtime";
import { isRequest } from "./request.ts";

/**
 * Frameworks have several objects for one request: Fastify its own and Node's, Hono a context and a request of Fetch. All these
 * objects refer to one session. Otherwise one object would still have the session after a logout through another object.
 */
export class RequestSessions<S> {
  /** Weak, so that the entry of a request is garbage-collected with the request. */
  readonly #found = new WeakMap<object, S | undefined>();

  /**
   * @throws INVALID_ARGUMENT for a value that is not an object, and for a request that was not opened: `undefined` would mean
   * that nobody is logged in, also where the middleware is missing.
   */
  of(request: unknown): S | undefined {
    if (typeof request !== "object" || request === null)
      throw invalidArgument("of() takes a request, or a context of Hono");
    const inner = innerRequest(request);
    const known = this.#found.has(inner) ? inner : request;
    if (!this.#found.has(known))
      throw invalidArgument(
        "of(): the session of this request was not looked up: register the middleware before the route, or await open(request)",
      );
    return this.#found.get(known);
  }

  /** From now on `of` returns `undefined` for the request. Otherwise `of` would throw in an error handler after a failed look-up. */
  begin(request: object): void {
    const inner = innerRequest(request);
    if (!this.#found.has(inner)) this.#found.set(inner, undefined);
  }

  set(request: object, session: S | undefined): void {
    this.#found.set(innerRequest(request), session);
  }

  /** For a context whose request a later middleware may replace by another one. */
  setForContext(context: object, session: S | undefined): void {
    this.#found.set(context, session);
  }
}

/** The request that the object of a framework stands for: `request.raw` of Fastify, `context.req.raw` of Hono. */
export function innerRequest(value: object): object {
  return rawOf(value) ?? rawOf(Reflect.get(value, "req")) ?? value;
}

function rawOf(value: unknown): object | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const raw: unknown = Reflect.get(value, "raw");
  return isRequest(raw) ? raw : undefined;
}
