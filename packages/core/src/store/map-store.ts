import { assertNoMore } from "../base/arguments.ts";
import { resolveMapOptions } from "./map-options.ts";
import type { MapStore, MapStoreOptions } from "./map-options.ts";
import { MapSessionStore } from "./map.ts";

/**
 * A store that keeps sessions in the memory of this process, beyond their connections, until a deadline passes. Values are
 * kept by reference, as they are. One store serves one `createSessions`, with any number of servers bound to it.
 *
 * @throws INVALID_ARGUMENT for an invalid value of an option, and for an unknown option.
 * @example
 * createSessions({ store: mapStore({ maxSessions: 50_000 }), token: cookieToken(), initial: () => ({ visits: 0 }) });
 */
export function mapStore(options?: MapStoreOptions): MapStore;
export function mapStore(options: MapStoreOptions = {}, surplus?: undefined): MapStore {
  assertNoMore("mapStore()", surplus);
  const { maxSessions, maxTotalBytes } = resolveMapOptions(options);
  return new MapSessionStore(maxSessions, maxTotalBytes);
}
