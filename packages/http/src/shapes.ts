/** The requests and responses of Node, Express, Fastify, Hono and Fetch, by their shapes: no framework is a dependency. */

/** A request of `node:http`, Express or Fastify. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** A `Request` of Fetch; with Hono `context.req.raw`. */
export interface FetchRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

interface HeaderGetter {
  getHeader(name: string): number | string | readonly string[] | undefined;
}

/** A response of `node:http` or Express. */
export interface NodeResponse extends HeaderGetter {
  readonly headersSent: boolean;
  /** Whether the client has gone. */
  readonly destroyed?: boolean | undefined;
  setHeader(name: string, value: readonly string[]): unknown;
}

/** A reply of Fastify. */
export interface FastifyReplyLike extends HeaderGetter {
  readonly sent: boolean;
  readonly raw?: { readonly headersSent: boolean; readonly destroyed?: boolean | undefined } | undefined;
  header(name: string, value: string[]): unknown;
}

/** The `Headers` of Fetch; with Hono `context.res.headers`. */
export interface FetchHeaders {
  append(name: string, value: string): void;
}

/** The context of Hono. */
export interface HonoContext {
  readonly req: { readonly raw: FetchRequest };
  readonly res: { readonly headers: FetchHeaders };
}

export type AnyRequest = NodeRequest | FetchRequest;
export type AnyResponse = NodeResponse | FastifyReplyLike | FetchHeaders;
