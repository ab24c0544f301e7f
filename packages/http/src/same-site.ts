/** Whether a request that changes who is logged in comes from a page that may do so (CSRF). */
import type { OriginRule } from "@wsession/core";
import { originAllowed } from "@wsession/core/runtime";
import { HttpSessionError } from "./http-error.ts";
import type { RequestView } from "./request.ts";

/**
 * Throws ORIGIN_NOT_ALLOWED unless the request comes from an allowed origin: an origin that `rule` allows, or, without a rule, the
 * host that the request was sent to. Browsers send Origin with every POST. A request without Origin is allowed if Sec-Fetch-Site
 * shows that the same origin, or the user, made the request. A request with neither header is refused, as OWASP recommends, unless
 * `rule` is a function that allows it. Old browsers, and programs, may send neither header.
 */
export function assertOrigin(rule: OriginRule | undefined, request: RequestView): void {
  const origin = request.header("origin");
  const site = request.header("sec-fetch-site");
  if (origin === undefined && (site === "same-origin" || site === "none")) return;
  const isAllowed = rule === undefined ? isOwn(origin, request.host) : originAllowed(rule, request.handshake);
  if (isAllowed) return;
  throw new HttpSessionError("ORIGIN_NOT_ALLOWED", refusal(rule, origin, request.host));
}

/** Characters of a header in an error. A stranger chooses the header, and could flood a log. */
const MAX_LENGTH = 100;

/** Names the check that has failed, because the usual cause is a missing entry of `origins`, or a program that sends no Origin. */
function refusal(rule: OriginRule | undefined, origin: string | undefined, host: string | undefined): string {
  if (origin === undefined)
    return "the request has no Origin, and no Sec-Fetch-Site of the same origin: send Origin, as browsers do";
  const refused = `the origin ${quoted(origin)} of the request is not allowed`;
  if (typeof rule === "function") return `${refused}: the function origins did not return true`;
  if (rule !== undefined) return `${refused}: it is not in the list origins`;
  return `${refused}: it is not the host ${quoted(host ?? "")} of the request. Behind a proxy, or for pages of other hosts, give the option origins`;
}

/** Quotes and control characters of a header could forge lines of a log. `JSON.stringify` leaves those from U+007F to U+009F. */
function quoted(header: string): string {
  return JSON.stringify(header.slice(0, MAX_LENGTH)).replaceAll(/[^ -~]/g, "?");
}

/** Whether the origin is a page of this host. The scheme is not compared, because a proxy may end TLS. */
function isOwn(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  const url = new URL(origin);
  return url.host !== "" && (url.host === host || `${url.hostname}:${defaultPort(url)}` === host);
}

function defaultPort({ port, protocol }: URL): string {
  if (port !== "") return port;
  return protocol === "https:" ? "443" : "80";
}
