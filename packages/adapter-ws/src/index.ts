import type { IncomingMessage } from "node:http";
import { CloseCode } from "@wsession/core";
import type { Binding, Connection, Handlers, Sessions } from "@wsession/core";
import { assertMethods, assertNoMore, invalidArgument, shown } from "@wsession/core/runtime";
import type { Runtime } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { Admission } from "./admission.ts";
import { checkOptions } from "./bind-options.ts";
import type { BindOptions } from "./bind-options.ts";
import { gateListeners } from "./gated-listeners.ts";
import { attach, endedByServer, wsRuntime } from "./socket.ts";
import { guardUpgrade } from "./upgrade.ts";

export type { BindOptions } from "./bind-options.ts";
export { asWebSocket } from "./web-socket/as-web-socket.ts";
export { transportOf } from "./handshake.ts";
export type { SocketRecord } from "./handshake.ts";

/** The servers that are bound now. */
const servers = new WeakSet<WebSocketServer>();

/**
 * Binds a ws server to the sessions. Call it once per server, before the first connection. The server may be
 * created with `port`, `server` or `noServer`; with `noServer`, emit `connection` in the callback of
 * `handleUpgrade`, as the documentation of ws describes.
 *
 * Your own `verifyClient` runs first. Your `handleProtocols` chooses among the offered subprotocols that are
 * not tokens. `clientTracking`, `perMessageDeflate`, `maxPayload` and `closeTimeout` keep your values.
 *
 * After `close()` of the binding has settled, nothing of the binding is left on the server. The server then refuses handshakes
 * with 503 until it is bound again.
 *
 * @throws INVALID_ARGUMENT for wrong arguments, for a server of ws 7 or older, and for a second binding
 * before the first has closed.
 * @example
 * ```ts
 * bindSessions(new WebSocketServer({ port: 8080 }), sessions, {
 *   message: (connection, data) => connection.send(data),
 * });
 * ```
 */
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  server: WebSocketServer,
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, WebSocket>>,
  options?: BindOptions,
): Binding;
export function bindSessions<Data extends object, Transport, Unset extends undefined, Context>(
  server: WebSocketServer,
  sessions: Sessions<Data, Transport, Unset, Context>,
  handlers: NoInfer<Handlers<Data, Transport, Unset, Context, WebSocket>>,
  options: BindOptions = {},
  surplus?: undefined,
): Binding {
  if (!isServer(server)) throw notAServer(server);
  if (!("skipUTF8Validation" in server.options))
    throw invalidArgument(
      "bindSessions requires ws ^8.18.0, because ws 7 and older does not distinguish text from binary messages",
    );
  assertMethods("bindSessions: sessions", sessions, "what createSessions returned", [
    "bind",
    "destroySubject",
  ]);
  assertNoMore("bindSessions for ws", surplus);
  const { listeners = "raw" } = checkOptions(options);
  if (servers.has(server))
    throw invalidArgument("this WebSocketServer is bound already: call bindSessions once for each server");
  const binding = sessions.bind(runtimeOf(server), handlers);
  servers.add(server);
  const admission = new Admission(server, binding);
  const restoreHooks = admission.replaceHooks();
  const restoreUpgrade = guardUpgrade(server, (error) => binding.report(error));

  const onHeaders = (lines: string[], request: IncomingMessage): void => {
    for (const [name, value] of admission.headersOf(request)) lines.push(`${name}: ${value}`);
  };
  server.on("headers", onHeaders);
  function onError(this: WebSocket, error: Error): void {
    if (isOfProtocol(error)) endedByServer(this);
    binding.report(error, { stage: stageOf(error), connection: sessions.of(this) });
  }
  const begin = (socket: WebSocket, request: IncomingMessage): Connection | undefined => {
    const admitted = admission.take(request);
    if (admitted === undefined) {
      binding.report(
        invalidArgument("a connection was not admitted: call bindSessions once, before the first connection"),
      );
      socket.close(CloseCode.HandlerFailed, "not admitted");
      return undefined;
    }
    attach(
      socket,
      request.socket,
      () => {
        const isOwn = admitted.subprotocol === undefined;
        return binding.open(
          socket,
          admitted.ticket,
          isOwn ? socket.protocol : admission.ownChoiceOf(request),
        );
      },
      onError,
    );
    return sessions.of(socket);
  };
  const restoreListeners = listeners === "gated" ? gateListeners(server, begin) : beginFirst(server, begin);
  binding.onClosed(() => {
    server.off("headers", onHeaders);
    restoreListeners();
    restoreUpgrade();
    restoreHooks();
    servers.delete(server);
  });
  return binding;
}

/** Runs before all other listeners, so that `sessions.of(socket)` works in those of the application. */
function beginFirst(
  server: WebSocketServer,
  begin: (socket: WebSocket, request: IncomingMessage) => unknown,
): () => void {
  const onConnection = (socket: WebSocket, request: IncomingMessage) => void begin(socket, request);
  server.prependListener("connection", onConnection);
  return () => server.off("connection", onConnection);
}

/** The limit of ws, which hello states to clients of `v1.wsession`. 0 means no limit. */
function runtimeOf({ options }: WebSocketServer): Runtime<WebSocket> {
  const { maxPayload = 0 } = options;
  return { ...wsRuntime, maxMessageBytes: maxPayload > 0 ? maxPayload : Infinity };
}

/** Checks properties rather than the class, because the application may have loaded another copy of ws. */
function isServer(value: unknown): boolean {
  return typeof value === "object" && value !== null && "handleUpgrade" in value && "options" in value;
}

function notAServer(value: unknown): Error {
  const isOfHttp = typeof value === "object" && value !== null && "closeIdleConnections" in value;
  const advice = isOfHttp
    ? "new WebSocketServer({ server }) makes one for an HTTP server"
    : "pass the server, the sessions and the handlers, in this order";
  return invalidArgument(
    `bindSessions: server must be a WebSocketServer of ws, not ${shown(value)}: ${advice}`,
  );
}

/** Errors of the WebSocket protocol, of the decompressor and of the network are caused by the client. */
function stageOf(error: Error): "adapter" | "client" {
  return "syscall" in error || isOfProtocol(error) ? "client" : "adapter";
}

/** An error of the WebSocket protocol or of the decompressor, after which ws ends the socket. */
function isOfProtocol(error: Error): boolean {
  return "code" in error && /^(?:WS_ERR|Z)_/.test(String(error.code));
}
