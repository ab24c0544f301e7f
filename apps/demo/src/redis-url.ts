/** The URL of `--redis`, which may contain a password. No text for the terminal has more of the URL than the host and the port. */
import { DemoFailure } from "./failure.ts";

const FORM = "--redis takes a URL such as redis://127.0.0.1:6379, or nothing, to start a Redis.";

/** Throws DemoFailure for a text that is no URL of Redis. The error of the Redis client would quote the text. */
export function readRedisUrl(text: string): string {
  // A password with one of these characters ends there, and the rest of the URL would be taken for something else.
  if (/#|[/?][^@]*@/.test(text.replace(/^\w+:\/\//, "")))
    throw new DemoFailure(`${FORM} Write %23 for #, %2F for / and %3F for ? in a user or a password.`);
  const url = parse(text);
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === "")
    throw new DemoFailure(FORM);
  return text;
}

function parse(text: string): URL | undefined {
  try {
    const url = new URL(text);
    // The Redis client decodes both.
    decodeURIComponent(url.username);
    decodeURIComponent(url.password);
    return url;
  } catch {
    return undefined;
  }
}

/** The server of the URL. The user, the password and the options are left out: one option is a password. */
export function withoutPassword(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** The message of an error of the Redis client. A server that does not know AUTH quotes the arguments, and so the password. */
export function redisReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/, with args beginning with:.*$/s, "");
}
