/** The attributes of a session's cookie, as express-session and @fastify/session store them. */

type Attributes = Readonly<Record<string, unknown>>;

/**
 * The cookie of a session of the middleware, without the time of its end if it has a `maxAge`. That time changes with each request, and
 * to store it would be a change of the data each time.
 */
export function storedCookie(session: object): Attributes {
  const attributes = attributesOf(Reflect.get(session, "cookie"));
  if (maxAgeOf(attributes) === undefined) return attributes;
  const { expires: _, originalExpires: __, ...others } = attributes;
  return others;
}

/** The stored cookie, with the time at which it ends: a request moves the end. */
export function restoredCookie(cookie: unknown): Attributes {
  const attributes = attributesOf(cookie);
  const maxAgeMs = maxAgeOf(attributes);
  if (maxAgeMs === undefined) return attributes;
  return { ...attributes, expires: new Date(Date.now() + maxAgeMs).toISOString() };
}

/** `undefined` for a cookie that ends with the browser. */
function maxAgeOf({ originalMaxAge }: Attributes): number | undefined {
  return typeof originalMaxAge === "number" && originalMaxAge > 0 ? originalMaxAge : undefined;
}

/** The attributes that the middleware's own class of cookies writes into JSON. */
function attributesOf(cookie: unknown): Attributes {
  const plain: unknown = JSON.parse(JSON.stringify(cookie ?? {}));
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}
