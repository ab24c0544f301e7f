import type { ClosedWhy } from "./contract.ts";

/** Codes after which another attempt would end as this one did. */
const STOPS: Readonly<Partial<Record<number, ClosedWhy>>> = {
  4400: "protocol",
  4401: "login",
  4403: "refused",
  4409: "replaced",
  4410: "login",
  4419: "login",
};

export function stopsBecause(code: number): ClosedWhy | undefined {
  return STOPS[code];
}

/** The server is restarting, or going away: another one takes over, or this one is back soon. */
export function isRestart(code: number): boolean {
  return code === 1001 || code === 1012;
}

/** No session, or none any more: another tab may be about to log in, or to renew the cookie. */
export const SESSION_NEEDED = 4401;
export const BAD_FRAME = 4400;
export const ABNORMAL = 1006;
