import type { Handshake } from "@wsession/core";
import { invalidArgument } from "@wsession/core/runtime";
import type { AnyRequest, FetchRequest } from "./shapes.ts";

/** A request of any framework, with the members that this package reads. */
export class RequestView {
  readonly #request: AnyRequest;

  /** @throws INVALID_ARGUMENT for a value that is not a request. */
  constructor(where: string, request: unknown) {
    if (!isRequest(request))
      throw invalidArgument(`${where} takes a request of Node or of Fetch: it must have headers`);
    this.#request = request;
  }

  /** A header as text; the name is in lower case. */
  header(name: string): string | undefined {
    const { headers } = this.#request;
    const value: unknown = isFetchHeaders(headers) ? (headers.get(name) ?? undefined) : headers[name];
    if (value === undefined || typeof value === "string") return value;
    // RFC 9110 section 5.3, and RFC 6265 section 5.4 for cookies.
    if (isTexts(value)) return value.join(name === "cookie" ? "; " : ", ");
    throw invalidArgument(`the header ${name} of a request must be a string, or a list of strings`);
  }

  /** The host that the client requested, in lower case, with a port that is not the default. */
  get host(): string | undefined {
    const { headers, url } = this.#request;
    // HTTP/2 has a pseudo-header, whose name Fetch refuses.
    const authority = isFetchHeaders(headers) ? undefined : this.header(":authority");
    return (this.header("host") ?? authority ?? hostOf(url))?.toLowerCase();
  }

  /** Whether the signal of a request of Fetch reports that the client has gone. */
  get isAborted(): boolean {
    const request = this.#request;
    return isFetch(request) && request.signal?.aborted === true;
  }

  /** The request in the form that a carrier reads a token from. */
  get handshake(): Handshake {
    const headers: Record<string, string> = Object.create(null);
    for (const name of ["cookie", "origin"]) {
      const value = this.header(name);
      if (value !== undefined) headers[name] = value;
    }
    const { method = "GET", url = "/" } = this.#request;
    return { method, url, headers, remoteAddress: undefined, encrypted: false, protocols: [] };
  }
}

export function isRequest(value: unknown): value is AnyRequest {
  return (
    typeof value === "object" &&
    value !== null &&
    "headers" in value &&
    typeof value.headers === "object" &&
    value.headers !== null &&
    // In a list of pairs no header is found by its name, so every client would count as logged out.
    !Array.isArray(value.headers)
  );
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

// A request of a later version of Node may have a signal too, which may report something other than a client that has gone.
function isFetch(request: AnyRequest): request is FetchRequest {
  return isFetchHeaders(request.headers);
}

function isFetchHeaders(headers: AnyRequest["headers"]): headers is { get(name: string): string | null } {
  return typeof headers["get"] === "function";
}

/** The host of a whole URL, as a `Request` of Fetch has it. */
function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : undefined;
}
