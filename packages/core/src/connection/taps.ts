import type { ConnectionTap } from "../api/tap.ts";

/** The taps of connections. Not fields of the connections, because a field costs memory on each, and few have a tap. */
export const taps: WeakMap<object, ConnectionTap> = new WeakMap();
/** The connection of each facade. */
export const byFacade: WeakMap<object, object> = new WeakMap();
