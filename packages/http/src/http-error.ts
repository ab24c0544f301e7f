import { assertString } from "@wsession/core/runtime";

/** What went wrong, for programs. The union may grow in a minor version. */
export type HttpSessionErrorCode =
  /** The request comes from another site, or does not say where it comes from (CSRF). Nothing was changed. Status 403. */
  | "ORIGIN_NOT_ALLOWED"
  /** The response's headers were sent already, so that no cookie can be set. Status 500. */
  | "HEADERS_SENT";

/**
 * An error of `login`, `logout` and `renew`. Express and Fastify answer with its status by themselves, and Hono with the
 * response of `getResponse`. `message` has nothing of the request in it.
 */
export class HttpSessionError extends Error {
  override readonly name = "HttpSessionError";
  readonly code: HttpSessionErrorCode;
  /** The status of the answer: 403 or 500. */
  readonly status: number;
  /** As `status`, under the name that Fastify reads. */
  readonly statusCode: number;

  constructor(code: HttpSessionErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = code === "ORIGIN_NOT_ALLOWED" ? 403 : 500;
    this.statusCode = this.status;
  }

  /** The answer, for Hono and for servers of Fetch. */
  getResponse(): Response {
    return new Response(this.message, { status: this.status });
  }
}

/**
 * Whether `error` is a HttpSessionError, of another copy of this package too, and has `code` if a code is given.
 *
 * @throws INVALID_ARGUMENT for a `code` that is not a string.
 */
export function isHttpSessionError(error: unknown, code?: HttpSessionErrorCode): error is HttpSessionError {
  if (code !== undefined) assertString("isHttpSessionError(): code", code);
  try {
    return (
      error instanceof Error &&
      error.name === "HttpSessionError" &&
      "code" in error &&
      (code === undefined || error.code === code)
    );
  } catch {
    // A getter or a proxy of the application's error threw. A second error here would leave the first without an answer.
    return false;
  }
}
