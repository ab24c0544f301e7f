import { invalidArgument } from "../base/errors.ts";
import { LiveConnection } from "../connection/connection.ts";
import type { ConnectionTap, TappedConnection } from "../api/tap.ts";

/**
 * Sets the tap of a connection, on any runtime. For authors of adapters.
 *
 * @throws INVALID_ARGUMENT for an object that is not a connection, and for a connection that has a tap.
 */
export function tapConnection(connection: object, tap: ConnectionTap): TappedConnection {
  if (!(connection instanceof LiveConnection))
    throw invalidArgument("tapConnection() takes a connection, as handlers and sessions.of() get it");
  connection.tap(tap);
  return connection;
}
