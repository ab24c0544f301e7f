import { STATUS_CODES } from "node:http";
import type { Binding, Handlers, Handshake, Sessions } from "@wsession/core";
import { invalidArgument, isRefusedPromise, REFUSED_AFTER_CLOSE } from "@wsession/core/runtime";
import type { HandshakeAnswer, RuntimeBinding } from "@wsession/core/runtime";
import type { HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from "uWebSockets.js";
import type { BindOptions } from "./bind-options.ts";
import { checkArguments, checkOptions } from "./check-options.ts";
import { copyRequest, textOf } from "./handshake.ts";
import type { UpgradeRequest } from "./handshake.ts";
import { endsSilent, idleSettings } from "./idle-timeout.ts";
import { Neighbours } from "./neighbours.ts";
import { Arrival, connectionOf, endedBy, fieldsOf, SEEN, uwsRuntime } from "./socket.ts";
import type { Socket, UserData } from "./socket.ts";
import { sendable } from "./text.ts";

type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;

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
  // The runtime cannot remove a route, so the route refers only to this variable. The variable is cleared when the binding
  // closes, because otherwise the binding could never be garbage-collected.
  let bound: Bound | undefined = { binding, options };
  binding.onClosed(() => {
    bound = undefined;
    taken.delete(pattern);
  });
  const borrowed = binary === "borrowed";
  const neighbours = new Neighbours();

  app.ws<UserData>(pattern, {
    maxPayloadLength: MAX_PAYLOAD,
    maxBackpressure: NO_LIMIT,
    ...behavior,
    ...idleSettings(binding, behavior.idleTimeout),
    upgrade(response, request, context) {
      if (bound === undefined) return refuse(response, REFUSED_AFTER_CLOSE);
      const route = bound;
      let isAborted = false;
      // Without an abort handler the runtime ends the process if the client disconnects before the answer.
      response.onAborted(() => {
        isAborted = true;
      });
      let copy: UpgradeRequest | undefined;
      let found: unknown;
      try {
        copy = copyRequest(response, request, encrypted);
        if (copy === undefined) return refuse(response, { status: 431, reason: "header fields too large" });
        if (!asksForUpgrade(copy.handshake))
          return refuse(response, { status: 400, reason: "not an upgrade" });
        found = route.options.found?.(request, response);
        if (isRefusedPromise(found)) throw invalidArgument("found must be synchronous");
      } catch (error) {
        route.binding.report(error);
        refuse(response, { status: 500, reason: "internal error" });
        return;
      }
      // Node runs the microtasks of this callback before the callback returns to the runtime, which corks the
      // response meanwhile.
      let isInside = true;
      let isDecided = false;
      afterMicrotasks(() => {
        isInside = false;
        // Begin while the store works on the handshake, because the creation of a companion takes about as long.
        if (!isDecided) void neighbours.find(response);
      });
      const answered = async () => {
        const answer = await route.binding.admit(copy.handshake, found);
        isDecided = true;
        const needsOther = answer.type === "accept" && !isInside && !isAborted;
        const other = needsOther ? await neighbours.find(response) : undefined;
        if (isAborted) {
          if (answer.type === "accept") route.binding.abandon(answer.ticket);
        } else if (answer.type === "reject") {
          response.cork(() => refuse(response, answer));
        } else
          neighbours.around(response, other, () => completeUpgrade(route, response, context, copy, answer));
      };
      answered().catch((error: unknown) => route.binding.report(error));
    },
    open(socket) {
      const fields = fieldsOf(socket);
      const arrival = fields.wsession;
      if (!(arrival instanceof Arrival)) return;
      neighbours.add(socket);
      // Uses the binding that admitted the connection rather than `bound`, which may have been cleared since.
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

/** The state of a route while it is bound. */
interface Bound {
  readonly binding: RuntimeBinding<Socket>;
  readonly options: BindOptions;
}

function completeUpgrade(
  { binding, options }: Bound,
  response: HttpResponse,
  context: us_socket_context_t,
  { key, extensions }: UpgradeRequest,
  answer: Accepted,
): void {
  let protocol: string;
  try {
    protocol = choose(options, answer);
  } catch (error) {
    binding.report(error);
    binding.abandon(answer.ticket);
    return refuse(response, { status: 500, reason: "internal error" });
  }
  // Without a status of its own the answer becomes a 200 as soon as a header is written.
  response.writeStatus("101 Switching Protocols");
  for (const [name, value] of answer.headers) response.writeHeader(name, value);
  response.upgrade<UserData>(
    { wsession: new Arrival(binding, answer.ticket, protocol), wsessionSeen: SEEN },
    key,
    answer.subprotocol ?? protocol,
    extensions,
    context,
  );
}

function choose(options: BindOptions, { protocols, ticket }: Accepted): string {
  const [first = ""] = protocols;
  if (first === "" || options.handleProtocols === undefined) return first;
  const chosen: unknown = options.handleProtocols(protocols, ticket.handshake);
  if (isRefusedPromise(chosen)) throw invalidArgument("handleProtocols must be synchronous");
  return typeof chosen === "string" && protocols.includes(chosen) ? chosen : "";
}

/**
 * Runs a function after all pending microtasks: a tick that is requested in a microtask runs when none is
 * left.
 */
function afterMicrotasks(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}

/**
 * RFC 6455 section 4.2.1. The runtime checks only `Upgrade`, and breaks the socket of a request with
 * `Connection: close`.
 */
function asksForUpgrade({ headers }: Handshake): boolean {
  return /(?:^|[ ,])upgrade(?:[ ,]|$)/i.test(headers["connection"] ?? "");
}

function refuse(
  response: HttpResponse,
  { status, reason, headers = [] }: Pick<Rejected, "status" | "reason" | "headers">,
): void {
  response
    .writeStatus(`${status} ${STATUS_CODES[status] ?? "Refused"}`)
    .writeHeader("content-type", "text/plain; charset=utf-8");
  for (const [name, value] of headers) response.writeHeader(name, value);
  response.end(sendable(reason), true);
}
