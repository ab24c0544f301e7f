/** The settings of the environment. */
import { cookieToken } from "@wsession/core";

const { NODE_ENV, ORIGIN } = process.env;
const isProduction = NODE_ENV === "production";
if (isProduction && ORIGIN === undefined)
  throw new Error("Set ORIGIN to the origin of your pages, for example https://app.example.com");

/** The origins of pages that may connect. Browsers send the cookie from pages of every site, so without this list any site could use it. */
export const origins =
  ORIGIN?.split(",") ??
  ((origin: string | undefined) => /^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(origin ?? ""));

/** The cookie of a session. In production it is sent over TLS only. */
export const cookie = isProduction ? cookieToken() : cookieToken({ name: "session", secure: false });
