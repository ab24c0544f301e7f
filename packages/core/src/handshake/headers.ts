/** The headers that an application adds to the answer of a handshake. */
import { assertPlain, assertString } from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";

/** Headers by name. A name with several values is sent once for each value, as `set-cookie` has to be. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

/** One line of the answer. */
export type HeaderLine = readonly [name: string, value: string];

/**
 * Headers of the connection, of the body and of the WebSocket handshake (RFC 9110 section 7.6.1, RFC 6455 section 4.2.2). The
 * runtime alone sets their values, and a second value breaks the answer.
 */
const OF_THE_RUNTIME =
  /^(?:connection|upgrade|keep-alive|proxy-connection|te|trailer|transfer-encoding|content-length|sec-websocket-.*)$/i;
/** The body of a refusal is plain text, because a reason may quote the client, and must not be read as HTML. */
const OF_THE_BODY = /^content-type$/i;

/**
 * The headers as lines, in their order. `what` names the caller in the message of an error.
 *
 * @throws INVALID_ARGUMENT for a name or a value that can't be sent, and for a header that only the runtime may send.
 */
export function headerLines(what: string, headers: unknown, hasBody: boolean): readonly HeaderLine[] {
  if (headers === undefined) return [];
  assertPlain(`${what}'s headers`, headers);
  const lines: HeaderLine[] = [];
  for (const [name, values] of Object.entries(headers)) {
    if (OF_THE_RUNTIME.test(name) || (hasBody && OF_THE_BODY.test(name)))
      throw invalidArgument(
        `${what} must not set the header ${JSON.stringify(name)}, which the server sets itself`,
      );
    // By index, because `forEach` and its like leave out the holes of an array.
    const all: readonly unknown[] = Array.isArray(values) ? Array.from(values) : [values];
    for (const value of all) {
      assertHeader(name, value);
      lines.push([name, value]);
    }
  }
  return lines;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for (RFC 9110 section 5.5)
const HEADER_VALUE = /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;
/** A token of HTTP (RFC 9110 section 5.6.2): the name of a header or of a cookie, and a subprotocol. */
export const HTTP_TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Throws INVALID_ARGUMENT if a header is not a string, or could split the response (RFC 9110 sections 5.1 and 5.5). */
export function assertHeader(name: string, value: unknown): asserts value is string {
  assertString("a header's name", name);
  if (typeof value !== "string")
    throw invalidArgument(`the value of the header ${JSON.stringify(name)} must be a string`);
  if (!HTTP_TOKEN.test(name) || !HEADER_VALUE.test(value))
    throw invalidArgument(`the header ${JSON.stringify(name)} must not have characters that HTTP forbids`);
}
