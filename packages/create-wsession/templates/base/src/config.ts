/** The settings of the environment. */
import { cookieToken } from "@wsession/core";

const { NODE_ENV, ORIGIN } = process.env;
const isProduction = NODE_ENV === "production";
if (isProduction && ORIGIN === undefined)
  throw new Error("Set ORIGIN to the origin of your pages, for example https://app.example.com");

/** The pages that may connect: a browser sends the cookie from every page, and only this rule keeps other sites out. */
export const origins =
  ORIGIN?.split(",") ??
  ((origin: string | undefined) => /^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(origin ?? ""));

/** The cookie of a session. In production it is sent over TLS only. */
export const cookie = isProduction ? cookieToken() : cookieToken({ name: "session", secure: false });
