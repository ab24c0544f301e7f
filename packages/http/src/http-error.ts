import { isSessionError } from "@wsession/core";
import type { SessionErrorCode } from "@wsession/core";
import { assertString } from "@wsession/core/runtime";

/** The code of the error, for programs. The union may grow in a minor version. */
export type HttpSessionErrorCode =
  /** The request comes from another site, or has no header that shows its origin (CSRF). Nothing was changed. Status 403. */
  | "ORIGIN_NOT_ALLOWED"
  /** The response's headers were sent already, so that no cookie can be set. Status 500. */
  | "HEADERS_SENT"
  /** The cookie's name and value are longer than 4,096 bytes, which browsers do not keep. Status 500. */
  | "COOKIE_TOO_LARGE";

/**
 * An error of `login`, `logout` and `renew`. Express and Fastify answer with its status by themselves, and Hono with the
 * response of `getResponse`. `message` may quote the origin and the host of the request, up to 100 characters of each, and nothing else
 * of the request.
 */
export class HttpSessionError extends Error {
  /** Always "HttpSessionError", also where two copies of this package make `instanceof` fail. */
  override readonly name = "HttpSessionError";
  /** What happened, for programs. */
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

/**
 * The status for each code: the status with which a handshake is refused for that error, or one for an error that no handshake
 * causes.
 */
const STATUSES: Partial<Record<SessionErrorCode, number>> = {
  SESSION_GONE: 401,
  REVOKED: 401,
  FENCED: 401,
  TOO_MANY_SESSIONS: 403,
  CONFLICT: 409,
  TOO_LARGE: 413,
  STORE_UNAVAILABLE: 503,
  STORE_FULL: 503,
  SHUTTING_DOWN: 503,
  OUTBOX_FULL: 503,
  CORRUPT_RECORD: 503,
};

/**
 * The status with which HTTP code answers an error of wsession. For an HttpSessionError it is the error's `status`. For a
 * SessionError it is the status of the code, such as 413 for `TOO_LARGE` and 503 for `STORE_UNAVAILABLE`. For any other value it is
 * 500.
 *
 * @example
 * answer(request, response).catch((error: unknown) => response.writeHead(httpStatusOf(error)).end());
 */
export function httpStatusOf(error: unknown): number {
  if (isHttpSessionError(error)) return error.status;
  return (isSessionError(error) ? STATUSES[error.code] : undefined) ?? 500;
}
