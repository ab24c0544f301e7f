import type { Binding, Handlers, Sessions } from "@wsession/core";
import { invalidArgument, REFUSED_AFTER_CLOSE } from "@wsession/core/runtime";
import type { TemplatedApp, WebSocket } from "uWebSockets.js";
import type { BindOptions } from "./bind-options.ts";
import { checkArguments, checkOptions } from "./check-options.ts";
import { textOf } from "./handshake.ts";
import { endsSilent, idleSettings } from "./idle-timeout.ts";
import { Neighbours } from "./neighbours.ts";
import { Arrival, connectionOf, endedBy, fieldsOf, SEEN, uwsRuntime } from "./socket.ts";
import type { Socket, UserData } from "./socket.ts";
import { answerUpgrade, refuse } from "./upgrade.ts";
import type { Route } from "./upgrade.ts";

export type { BindOptions };

const MAX_PAYLOAD = 100 * 1024 * 1024;
const NO_LIMIT = 2 ** 31 - 1;

/** The patterns of each app that are bound now. */
const patterns = new WeakMap<TemplatedApp, Set<string>>();

/**
 * Binds a uWebSockets.js app to the sessions, for one route pattern. Call it once per pattern, before
 * `listen`. After `close()` of the binding has settled, the route refuses handshakes with 503, until the
 * pattern is bound again.
 *
 * The runtime cannot pause reading from a socket, so `inbox` and `early` are hard limits here: there is no
 * backpressure before they are reached.
 *
 * @throws INVALID_ARGUMENT for wrong arguments or options, and for a second binding of a pattern before the first has closed.
 * @example
 * ```ts
 * bindSessions(app, "/*", sessions, { message: (connection, data) => connection.send(data) });
 * ```
 */
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  app: TemplatedApp,
  pattern: string,
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, WebSocket<unknown>>>,
  options?: BindOptions,
): Binding;
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  app: TemplatedApp,
  pattern: string,
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, WebSocket<unknown>>>,
  options: BindOptions = {},
  surplus?: undefined,
): Binding {
  checkArguments(app, pattern, sessions, surplus);
  checkOptions(options);
  const { behavior = {}, binary = "copied", encrypted = app.constructor.name === "uWS.SSLApp" } = options;
  const compress = behavior.compression !== undefined && behavior.compression !== 0;
  const runtime = uwsRuntime({
    compress,
    fragments: behavior.maxBackpressure === undefined,
    maxMessageBytes: behavior.maxPayloadLength ?? MAX_PAYLOAD,
    endsSilent: (heartbeatMs, silentHeartbeats) =>
      behavior.idleTimeout === undefined && endsSilent(heartbeatMs, silentHeartbeats),
  });
  const taken = patterns.get(app) ?? new Set<string>();
  // The runtime itself gives the route to the second binding, and the first one would get no more connections.
  if (taken.has(pattern))
    throw invalidArgument(
      `the pattern ${pattern} of this app is bound already: call bindSessions once for each pattern`,
    );
  const binding = sessions.bind<Socket>(runtime, handlers);
  patterns.set(app, taken.add(pattern));
  const neighbours = new Neighbours();
  // The runtime cannot remove a route, so the route refers only to this variable. The variable is cleared when the binding
  // closes, because otherwise the binding could never be garbage-collected.
  let route: Route | undefined = { binding, options, encrypted, neighbours };
  binding.onClosed(() => {
    route = undefined;
    taken.delete(pattern);
  });
  const borrowed = binary === "borrowed";

  app.ws<UserData>(pattern, {
    maxPayloadLength: MAX_PAYLOAD,
    maxBackpressure: NO_LIMIT,
    ...behavior,
    ...idleSettings(binding, behavior.idleTimeout),
    upgrade(response, request, context) {
      if (route === undefined) refuse(response, REFUSED_AFTER_CLOSE);
      else answerUpgrade(route, response, request, context);
    },
    open(socket) {
      const fields = fieldsOf(socket);
      const arrival = fields.wsession;
      if (!(arrival instanceof Arrival)) return;
      neighbours.add(socket);
      // Uses the binding that admitted the connection rather than `route`, which may have been cleared since.
      // A closed binding rejects the connection itself.
      const connection = arrival.binding.open(socket, arrival.ticket, arrival.protocol);
      fields.wsession = connection;
      // If the socket was closed inside `open`, its close event came before the connection existed.
      if (arrival.end !== undefined) connection.ended(...arrival.end);
    },
    message(socket, message, isBinary) {
      fieldsOf(socket).wsessionSeen = SEEN;
      const connection = connectionOf(socket);
      if (!isBinary) connection?.receive(textOf(message));
      else if (borrowed) connection?.receive(Buffer.from(message), true);
      // Copied, because the runtime reuses the bytes when this callback returns (I2).
      else connection?.receive(Buffer.from(message.slice(0)));
    },
    ping(socket, data) {
      // A ping is a sign of life too: a peer whose answers wait behind its own data may send nothing else.
      fieldsOf(socket).wsessionSeen = SEEN;
      connectionOf(socket)?.controlFrame?.("ping", Buffer.from(data.slice(0)));
    },
    pong(socket, data) {
      fieldsOf(socket).wsessionSeen = SEEN;
      connectionOf(socket)?.controlFrame?.("pong", Buffer.from(data.slice(0)));
    },
    drain(socket) {
      if (socket.getBufferedAmount() === 0) connectionOf(socket)?.drained();
    },
    close(socket, code, message) {
      neighbours.delete(socket);
      const { wsession } = fieldsOf(socket);
      const reason = textOf(message);
      const by = endedBy(socket, code, reason);
      if (wsession instanceof Arrival) wsession.end = [code, reason, by];
      else wsession?.ended(code, reason, by);
    },
  });

  return binding;
}
