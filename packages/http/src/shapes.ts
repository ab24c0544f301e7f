/** The requests and responses of Node, Express, Fastify, Hono and Fetch, by their shapes: no framework is a dependency. */

/** A request of `node:http`, Express or Fastify. */
export interface NodeRequest {
  /** The method in upper case. Absent for a response. */
  readonly method?: string | undefined;
  /** The path with the query, without the origin. Express changes it inside a mounted router. */
  readonly url?: string | undefined;
  /** The headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A `Request` of Fetch; with Hono `context.req.raw`. */
export interface FetchRequest {
  /** The method in upper case. */
  readonly method: string;
  /** The absolute address. */
  readonly url: string;
  /** The headers, whose `get` joins several of one name. */
  readonly headers: { get(name: string): string | null };
  /** Aborted once the client has gone. Absent: the library can't detect that. */
  readonly signal?: { readonly aborted: boolean } | undefined;
}

/** What responses of Node, Express and Fastify have in common. */
interface HeaderGetter {
  /** The header as it was set; `undefined` if it was not. Names of any case. */
  getHeader(name: string): number | string | readonly string[] | undefined;
}

/** A response of `node:http` or Express. */
export interface NodeResponse extends HeaderGetter {
  /** Whether it is too late to set a cookie. */
  readonly headersSent: boolean;
  /** Whether the client has gone. HTTP/1.1. */
  readonly destroyed?: boolean | undefined;
  /** The stream of HTTP/2, which is destroyed if the client has gone. */
  readonly stream?: { readonly destroyed: boolean } | undefined;
  /** Sets a header, in place of an earlier one. An array is sent as one header for each entry. */
  setHeader(name: string, value: readonly string[]): unknown;
}

/** A reply of Fastify. */
export interface FastifyReplyLike extends HeaderGetter {
  /** Whether the reply was sent. */
  readonly sent: boolean;
  /** The response of Node that the reply writes to. Absent: `sent` alone decides. */
  readonly raw?: Pick<NodeResponse, "headersSent" | "destroyed" | "stream"> | undefined;
  /** Sets a header. Fastify itself keeps earlier values of `set-cookie`. */
  header(name: string, value: string[]): unknown;
}

/** The `Headers` of Fetch; with Hono `context.res.headers`. */
export interface FetchHeaders {
  /** Adds a header, beside those of the same name. */
  append(name: string, value: string): void;
}

/** The context of Hono. */
export interface HonoContext {
  /** The request; `raw` is that of Fetch. */
  readonly req: { readonly raw: FetchRequest };
  /** The response so far. */
  readonly res: { readonly headers: FetchHeaders };
}

/** A request of any supported framework. */
export type AnyRequest = NodeRequest | FetchRequest;
/** The object that takes the headers of an answer, of any supported framework. */
export type AnyResponse = NodeResponse | FastifyReplyLike | FetchHeaders;
