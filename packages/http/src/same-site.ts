/** Whether a request that changes who is logged in comes from a page that may do so (CSRF). */
import type { OriginRule } from "@wsession/core";
import { originAllowed } from "@wsession/core/runtime";
import { HttpSessionError } from "./http-error.ts";
import type { RequestView } from "./request.ts";

/**
 * Throws ORIGIN_NOT_ALLOWED unless the request comes from an allowed origin: an origin that `rule` allows, or, without a rule,
 * the host that the request was sent to. Browsers send Origin with every POST. A request without Origin is allowed if
 * Sec-Fetch-Site says that the same origin, or the user, made the request. A request with neither header is refused, as OWASP
 * recommends, unless `rule` is a function that allows it. Old browsers, and programs, may send neither header.
 */
export function assertOrigin(rule: OriginRule | undefined, request: RequestView): void {
  const origin = request.header("origin");
  const site = request.header("sec-fetch-site");
  if (origin === undefined && (site === "same-origin" || site === "none")) return;
  const isAllowed = rule === undefined ? isOwn(origin, request.host) : originAllowed(rule, request.handshake);
  if (isAllowed) return;
  throw new HttpSessionError("ORIGIN_NOT_ALLOWED", "the request's origin may not log in or out here");
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
