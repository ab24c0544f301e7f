/**
 * Makes the objects of express-session from stored sessions. Their classes are not exported, so they are taken from a session that the
 * middleware's own `generate` makes.
 */
import { SessionError } from "@wsession/core";

interface Sample {
  readonly sessionClass: new (request: object, data: object) => object;
  /** The class of cookies replaces its prototype, so a cookie does not name its class. */
  readonly cookiePrototype: object;
}

export class Inflater {
  #sample: Sample | undefined;

  /** Calls the `generate` that express-session puts on its store. */
  generate(store: object, request: object): void {
    const generate: unknown = Reflect.get(store, "generate");
    if (typeof generate !== "function")
      throw new SessionError(
        "NOT_SUPPORTED",
        "this store is not in use by express-session, which adds the method generate that makes sessions",
      );
    Reflect.apply(generate, store, [request]);
  }

  /** Sets `request.session` to the stored session, as an object of express-session. */
  inflate(store: object, request: object, stored: object): object {
    const sample = (this.#sample ??= this.#find(store, request));
    const cookie = inflatedCookie(sample.cookiePrototype, Object(Reflect.get(stored, "cookie")));
    const session: object = Reflect.construct(sample.sessionClass, [request, { ...stored, cookie }]);
    Reflect.set(request, "session", session);
    return session;
  }

  #find(store: object, request: object): Sample {
    // Inherits the members that `genid` may read, and gets the members that `generate` writes.
    const probe: object = Object.create(request);
    this.generate(store, probe);
    const session = Object(Reflect.get(probe, "session"));
    return { sessionClass: session.constructor, cookiePrototype: Object.getPrototypeOf(session.cookie) };
  }
}

function inflatedCookie(
  prototype: object,
  { expires, originalMaxAge, ...attributes }: Record<string, unknown>,
): object {
  const cookie: object = Object.create(prototype);
  Object.assign(cookie, attributes, { expires: typeof expires === "string" ? new Date(expires) : null });
  // Set this last, because the cookie changes `originalMaxAge` when the time of its end is set.
  return Object.assign(cookie, { originalMaxAge });
}
