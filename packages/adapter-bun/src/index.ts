import { STATUS_CODES } from "node:http";
import { CloseCode } from "@wsession/core";
import type { Binding, Handlers, Handshake, Sessions } from "@wsession/core";
import {
  chooseSubprotocol,
  invalidArgument,
  isRefusedPromise,
  REFUSED_AFTER_CLOSE,
} from "@wsession/core/runtime";
import type { HandshakeAnswer, RuntimeBinding } from "@wsession/core/runtime";
import type { BindOptions } from "./bind-options.ts";
import type { BunMessage, BunServer, BunSocket, BunWebSocketSettings } from "./bun.ts";
import { checkArguments, checkOptions } from "./check-options.ts";
import { copyRequest, flawOf } from "./handshake.ts";
import { idleSettings } from "./idle-timeout.ts";
import { Arrival, bunRuntime, endedBy, keepState, SocketState, stateOf } from "./socket.ts";

type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;

export type { BindOptions, BunMessage, BunServer, BunSocket, BunWebSocketSettings };

const MAX_PAYLOAD = 100 * 1024 * 1024;
/** The runtime's 0: no limit. */
const NO_LIMIT = 0;

/** The handlers and the settings that `Bun.serve` takes as `websocket`. */
export interface BunWebSocketHandler extends BunWebSocketSettings {
  /** The handshake was answered. */
  open(socket: BunSocket): void;
  /** A whole message arrived. */
  message(socket: BunSocket, message: BunMessage): void;
  /** Some or all of the waiting bytes were written. */
  drain(socket: BunSocket): void;
  /** The socket has ended. `code` is 1006 if no close frame arrived, and 1005 if the frame had no code. */
  close(socket: BunSocket, code: number, reason: string): void;
  /** A ping arrived. The runtime has answered it. */
  ping(socket: BunSocket, data: BunMessage): void;
  /** A pong arrived. */
  pong(socket: BunSocket, data: BunMessage): void;
}

/** The result of `bindSessions`: the parts for `Bun.serve`, and the binding. The functions need no `this`. */
export interface BunBinding extends Binding {
  /**
   * Answers a request for a WebSocket. Resolves with `undefined` if the request became a WebSocket, else with the response. Pass this
   * function to `Bun.serve` as `fetch` or as a route, or call it in your own `fetch`.
   */
  readonly fetch: (request: Request, server: BunServer) => Promise<Response | undefined>;
  /**
   * Pass this object to `Bun.serve` as `websocket`. A server has one such object. The object of one binding serves the sockets of all
   * bindings with its own settings, and ignores sockets that other code opened.
   */
  readonly websocket: BunWebSocketHandler;
}

/**
 * Binds the sessions, and returns the parts for `Bun.serve`. After `close()` of the binding has settled, `fetch` answers 503.
 *
 * @throws INVALID_ARGUMENT for wrong arguments or options.
 * @example
 * ```ts
 * const { fetch, websocket } = bindSessions(sessions, { message: (connection, data) => connection.send(data) });
 * Bun.serve({ port: 8080, fetch, websocket });
 * ```
 */
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, BunSocket>>,
  options?: BindOptions,
): BunBinding;
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, BunSocket>>,
  options: BindOptions = {},
  surplus?: undefined,
): BunBinding {
  checkArguments(sessions, surplus);
  checkOptions(options);
  const { websocket: settings = {} } = options;
  const runtime = bunRuntime({
    compress: settings.perMessageDeflate !== undefined && settings.perMessageDeflate !== false,
    maxMessageBytes: settings.maxPayloadLength ?? MAX_PAYLOAD,
  });
  const binding = sessions.bind<BunSocket>(runtime, handlers);
  // A server that continues keeps `fetch` for ever, so `fetch` refers only to this variable. The variable is cleared when the
  // binding closes, because otherwise the binding could never be garbage-collected.
  let bound: Bound | undefined = { binding, options };
  binding.onClosed(() => {
    bound = undefined;
  });
  return {
    fetch: async (request, server) =>
      bound === undefined ? refusal(REFUSED_AFTER_CLOSE) : answer(bound, request, server),
    websocket: {
      maxPayloadLength: MAX_PAYLOAD,
      backpressureLimit: NO_LIMIT,
      ...settings,
      ...idleSettings(binding, settings.idleTimeout),
      ...handling,
    },
    get size() {
      return binding.size;
    },
    close: (closing) => binding.close(closing),
  };
}

/** The state of a binding until it is closed. */
interface Bound {
  readonly binding: RuntimeBinding<BunSocket>;
  readonly options: BindOptions;
}

async function answer(
  { binding, options }: Bound,
  request: Request,
  server: BunServer,
): Promise<Response | undefined> {
  const flaw = flawOf(request);
  if (flaw !== undefined) return refusal(flaw);
  let handshake: Handshake;
  let found: unknown;
  try {
    handshake = copyRequest(request, server, options.encrypted);
    found = options.found?.(request, server);
    if (isRefusedPromise(found)) throw invalidArgument("found must be synchronous");
  } catch (error) {
    binding.report(error);
    return refusal({ status: 500, reason: "internal error" });
  }
  const decision = await binding.admit(handshake, found);
  if (decision.type === "reject") return refusal(decision);
  try {
    const { protocols, ticket } = decision;
    const protocol = chooseSubprotocol(protocols, options, ticket.handshake) ?? "";
    const data = new Arrival(binding, ticket, protocol, found);
    if (server.upgrade(request, { headers: headersOf(decision, protocol), data })) return undefined;
    // The client has gone, so nobody gets the answer.
    binding.abandon(decision.ticket);
    return refusal({ status: 400, reason: "not an upgrade" });
  } catch (error) {
    binding.report(error);
    binding.abandon(decision.ticket);
    return refusal({ status: 500, reason: "internal error" });
  }
}

/**
 * The headers of the 101. They always set the subprotocol, because otherwise the runtime answers with the first one that was
 * offered, which may be a token.
 */
function headersOf({ headers, subprotocol }: Accepted, chosen: string): [name: string, value: string][] {
  return [
    ...headers.map(([name, value]): [string, string] => [name, value]),
    ["Sec-WebSocket-Protocol", subprotocol ?? chosen],
  ];
}

function refusal({
  status,
  reason,
  headers = [],
}: Pick<Rejected, "status" | "reason" | "headers">): Response {
  const answered = new Headers({ "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  for (const [name, value] of headers) answered.append(name, value);
  return new Response(reason, { status, statusText: STATUS_CODES[status] ?? "Refused", headers: answered });
}

/** The handlers of all bindings: each socket has its own state. */
const handling: Omit<BunWebSocketHandler, keyof BunWebSocketSettings> = {
  open(socket) {
    const { data: arrival } = socket;
    if (!(arrival instanceof Arrival)) return;
    const state = new SocketState(arrival.binding);
    keepState(socket, state);
    socket.data = arrival.found;
    // A closed binding rejects the connection itself.
    const connection = arrival.binding.open(socket, arrival.ticket, arrival.protocol);
    state.connection = connection;
    // If the socket was closed inside `open`, its close event came before the connection existed.
    if (state.end !== undefined) connection.ended(...state.end);
  },
  message(socket, message) {
    const state = stateOf(socket);
    if (state === undefined) return;
    state.isSeen = true;
    if (typeof message === "string") state.connection?.receive(message);
    else if (message instanceof Blob) refuseBlob(socket);
    else state.connection?.receive(bytesOf(message));
  },
  drain(socket) {
    if (socket.getBufferedAmount() === 0) stateOf(socket)?.connection?.drained();
  },
  ping(socket, data) {
    const state = stateOf(socket);
    if (state !== undefined) state.isSeen = true;
    passControlFrame(socket, "ping", data);
  },
  pong(socket, data) {
    const state = stateOf(socket);
    if (state !== undefined) state.isSeen = true;
    passControlFrame(socket, "pong", data);
  },
  close(socket, code, reason) {
    const state = stateOf(socket);
    if (state === undefined) return;
    const end = [code, reason, endedBy(state, code, reason)] as const;
    if (state.connection === undefined) state.end = [...end];
    else state.connection.ended(...end);
  },
};

function passControlFrame(socket: BunSocket, type: "ping" | "pong", data: BunMessage): void {
  if (typeof data === "string" || data instanceof Blob) return;
  stateOf(socket)?.connection?.controlFrame?.(type, bytesOf(data));
}

/** The bytes belong to the handler: the runtime does not use them again. */
function bytesOf(data: Uint8Array | ArrayBuffer): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return data instanceof ArrayBuffer
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** A Blob can only be read asynchronously, so it would arrive after later messages (I2, I3). */
function refuseBlob(socket: BunSocket): void {
  const state = stateOf(socket);
  if (state === undefined) return;
  state.binding.report(
    invalidArgument('binaryType must not be "blob", because a Blob can\'t be read in order'),
  );
  state.endedBy = "server";
  socket.close(CloseCode.HandlerFailed, "message unreadable");
}
