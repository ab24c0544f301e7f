/** The attributes of a session's cookie, as express-session and @fastify/session store them. */

type Attributes = Readonly<Record<string, unknown>>;

/** The idle time of a stored cookie; `undefined` for a cookie that ends with the browser. */
export function idleMsOf(cookie: unknown): number | undefined {
  const { originalMaxAge } = attributesOf(cookie);
  return typeof originalMaxAge === "number" && originalMaxAge > 0 ? originalMaxAge : undefined;
}

/**
 * The cookie of a session of the middleware, without the time of its end if it has a `maxAge`. That time changes with each
 * request, so storing it would change the data with each request. The idle deadline of the session is the same time.
 */
export function storedCookie(session: object): Attributes {
  const attributes = attributesOf(Reflect.get(session, "cookie"));
  if (idleMsOf(attributes) === undefined) return attributes;
  const { expires: _, originalExpires: __, ...others } = attributes;
  return others;
}

/**
 * The stored cookie, with the time at which it ends. A session that does not expire by idleness, because it has a connection
 * (`idleFrom: "disconnect"`), would expire after its idle time if the connection ended now.
 */
export function restoredCookie(
  cookie: unknown,
  { idleExpiresAt }: { readonly idleExpiresAt: number },
): Attributes {
  const attributes = attributesOf(cookie);
  const idleMs = idleMsOf(attributes);
  if (idleMs === undefined) return attributes;
  const endsAt = Number.isFinite(idleExpiresAt) ? idleExpiresAt : Date.now() + idleMs;
  return { ...attributes, expires: new Date(endsAt).toISOString() };
}

/** The attributes that the middleware's own class of cookies writes into JSON. */
function attributesOf(cookie: unknown): Attributes {
  const plain: unknown = JSON.parse(JSON.stringify(cookie ?? {}));
  return typeof plain === "object" && plain !== null ? { ...plain } : {};
}
