/** Reports to the programmer that the option `origins` does not list the page under development. */
import { invalidArgument } from "../base/errors.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { SessionRegistry } from "../session/registry.ts";

const reported = new WeakSet<object>();

/**
 * Reports the first refused handshake whose page and client are both on this machine, because a page can't read the status 403.
 * Other refused origins are counted and not reported, because strangers choose them.
 */
export function onRefusedOrigin<Data extends object>(
  registry: SessionRegistry<Data>,
  { headers, remoteAddress }: Handshake,
): void {
  const origin = headers["origin"];
  if (reported.has(registry) || origin === undefined || !isLoopback(remoteAddress) || !isLocal(origin))
    return;
  reported.add(registry);
  const error = invalidArgument(
    `the WebSocket of a page of ${origin} was refused with 403, because the option origins does not allow that origin. For development ` +
      `allow that origin too. Only the first such page is reported; originsRefused counts all refused origins`,
  );
  registry.report(error, { stage: "admit" });
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === "::1" || address.startsWith("127."));
}

/** Whether the text is the origin of a page on this machine, exactly as browsers write it. */
function isLocal(origin: string): boolean {
  if (!/^https?:/.test(origin) || !URL.canParse(origin)) return false;
  const { hostname, origin: written } = new URL(origin);
  return written === origin && /^(localhost|\[::1\]|127\.[\d.]+)$/.test(hostname);
}
