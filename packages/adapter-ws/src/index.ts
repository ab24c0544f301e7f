import type { IncomingMessage } from "node:http";
import { CloseCode } from "@wsession/core";
import type { Binding, Connection, Handlers, Sessions } from "@wsession/core";
import { assertMethods, assertNoMore, invalidArgument, isRefusedPromise } from "@wsession/core/runtime";
import type { HandshakeAnswer, Runtime, RuntimeBinding } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { checkOptions } from "./bind-options.ts";
import type { BindOptions } from "./bind-options.ts";
import { gateListeners } from "./gated-listeners.ts";
import { copyHandshake, foundOn } from "./handshake.ts";
import { attach, endedByServer, wsRuntime } from "./socket.ts";
import { guardUpgrade } from "./upgrade.ts";

export type { BindOptions } from "./bind-options.ts";
export { asWebSocket } from "./web-socket/as-web-socket.ts";
export { transportOf } from "./handshake.ts";
export type { SocketRecord } from "./handshake.ts";

type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;
type VerifyAsync = WebSocket.VerifyClientCallbackAsync<IncomingMessage>;
type VerifySync = WebSocket.VerifyClientCallbackSync<IncomingMessage>;
type VerifyAnswer = Parameters<VerifyAsync>[1];

/**
 * ws declares refusals as HTML by default, and a reason may quote client input: text/plain prevents script
 * injection.
 */
const PLAIN_TEXT = { "Content-Type": "text/plain; charset=utf-8" };

const servers = new WeakSet<WebSocketServer>();
/** The application's own `verifyClient`, for servers whose binding was closed. */
const ownHooks = new WeakMap<WebSocketServer, Pick<WebSocketServer["options"], "verifyClient">>();

/**
 * The hook of a server whose binding was closed. It refuses everybody, because without it the server would
 * accept everybody.
 */
const refuseAll: VerifyAsync = (_, answer) => answer(false, 503, "server restarting", PLAIN_TEXT);

/**
 * Binds a ws server to the sessions. Call it once per server, before the first connection. The server may be
 * created with `port`, `server` or `noServer`; with `noServer`, emit `connection` in the callback of
 * `handleUpgrade`, as the documentation of ws describes.
 *
 * Your own `verifyClient` runs first. Your `handleProtocols` chooses among the offered subprotocols that are
 * not tokens. `clientTracking`, `perMessageDeflate`, `maxPayload` and `closeTimeout` keep your values.
 *
 * After `close()` of the binding has settled, nothing of the binding is left on the server, which refuses
 * handshakes with 503 until it is bound again.
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
  if (!isServer(server))
    throw invalidArgument("bindSessions takes a WebSocketServer of ws, the sessions and the handlers");
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
  /** Admitted requests, from the answer until the `connection` event in the same tick. */
  const accepted = new WeakMap<IncomingMessage, Accepted>();
  /** The application's choice of a subprotocol, for a handshake that core answers with its own subprotocol. */
  const ownChoices = new WeakMap<IncomingMessage, string>();
  const restoreHooks = admitBeforeAnswer(server, binding, accepted, ownChoices);
  const restoreUpgrade = guardUpgrade(server, (error) => binding.report(error));

  const onHeaders = (lines: string[], request: IncomingMessage): void => {
    for (const [name, value] of accepted.get(request)?.headers ?? []) lines.push(`${name}: ${value}`);
  };
  server.on("headers", onHeaders);
  function onError(this: WebSocket, error: Error): void {
    if (isOfProtocol(error)) endedByServer(this);
    binding.report(error, { stage: stageOf(error) });
  }
  const begin = (socket: WebSocket, request: IncomingMessage): Connection | undefined => {
    const admitted = accepted.get(request);
    accepted.delete(request);
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
        return binding.open(socket, admitted.ticket, isOwn ? socket.protocol : ownChoices.get(request));
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

/**
 * Asks core before the 101 is sent, through the only hook that ws calls for every kind of server. The later
 * events (`headers`, `connection`) follow the answer in the same tick. Returns a function that restores the
 * hooks.
 */
function admitBeforeAnswer(
  server: WebSocketServer,
  binding: RuntimeBinding<WebSocket>,
  accepted: WeakMap<IncomingMessage, Accepted>,
  ownChoices: WeakMap<IncomingMessage, string>,
): () => void {
  const { options } = server;
  let isClosed = false;
  const { handleProtocols: ownProtocols } = options;
  const { verifyClient: own } = options.verifyClient === refuseAll ? (ownHooks.get(server) ?? {}) : options;

  const verify: VerifyAsync = (info, answer) => {
    let isAnswered = false;
    const once: VerifyAnswer = (verified, ...refusal) => {
      if (isAnswered) return binding.report(invalidArgument("verifyClient called its callback twice"));
      isAnswered = true;
      if (verified) void decide(info.req, answer).catch((error: unknown) => binding.report(error));
      else answer(false, ...refusal);
    };
    // An error in the application's own hook must be answered too, because otherwise the client would wait
    // for ever.
    const failed = (error: unknown) => {
      binding.report(error);
      if (!isAnswered) once(false, 500, "internal error", PLAIN_TEXT);
    };
    try {
      if (own === undefined || own === null) once(true);
      else if (isSync(own)) once(verdictOf(own(info)), 401);
      else watch(own(info, once), failed);
    } catch (error) {
      failed(error);
    }
  };

  async function decide(request: IncomingMessage, answer: VerifyAnswer): Promise<void> {
    let deciding: Promise<HandshakeAnswer>;
    try {
      deciding = binding.admit(copyHandshake(request), foundOn(request.socket));
    } catch (error) {
      binding.report(error);
      return answer(false, 500, "internal error", PLAIN_TEXT);
    }
    // Node caches `remoteAddress` after the first read. Read it now, because it is undefined once the socket
    // is destroyed.
    void request.socket.remoteAddress;
    const outcome = await deciding;
    if (outcome.type === "reject")
      return answer(false, outcome.status, outcome.reason, refusalHeaders(outcome.headers));
    if (request.socket.destroyed) return binding.abandon(outcome.ticket);
    if (isClosed) {
      binding.abandon(outcome.ticket);
      return answer(false, 503, "server restarting", PLAIN_TEXT);
    }
    accepted.set(request, outcome);
    const written = request.socket.bytesWritten;
    try {
      answer(true);
    } catch (error) {
      // The application's own `connection` listener threw after ours: the connection exists and continues.
      if (!accepted.delete(request)) throw error;
      binding.abandon(outcome.ticket);
      binding.report(error);
      // If the 101 was not written, another answer is sent. After the 101 the connection has no owner.
      if (request.socket.bytesWritten === written) answer(false, 500, "internal error", PLAIN_TEXT);
      else request.socket.destroy();
      return;
    }
    if (!accepted.delete(request)) return;
    binding.abandon(outcome.ticket);
    if (request.socket.writable && request.socket.readable) {
      binding.report(
        invalidArgument("the event `connection` must be emitted in the callback of handleUpgrade"),
      );
    }
  }

  const choose: typeof ownProtocols = (offered, request) => {
    const answer = accepted.get(request);
    const chosen = chooseOwn(answer?.protocols ?? [...offered], request);
    if (answer?.subprotocol === undefined) return chosen;
    if (chosen !== false) ownChoices.set(request, chosen);
    return answer.subprotocol;
  };

  function chooseOwn(protocols: readonly string[], request: IncomingMessage): string | false {
    const [first = false] = protocols;
    if (first === false || ownProtocols === undefined || ownProtocols === null) return first;
    const chosen: unknown = ownProtocols(new Set(protocols), request);
    if (isRefusedPromise(chosen)) throw invalidArgument("handleProtocols must be synchronous");
    // The request passed to the hook still contains the token, so only a choice among the other subprotocols
    // is sent.
    return typeof chosen === "string" && protocols.includes(chosen) ? chosen : false;
  }

  options.verifyClient = verify;
  options.handleProtocols = choose;
  return () => {
    isClosed = true;
    // Hooks that the application has set since then are kept.
    if (options.handleProtocols === choose) Object.assign(options, { handleProtocols: ownProtocols });
    if (options.verifyClient !== verify) return;
    options.verifyClient = refuseAll;
    ownHooks.set(server, { verifyClient: own });
  };
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

/**
 * The headers of a refusal as ws takes them: one value for each name. ws writes `name: value`, so further values of a name follow
 * as lines of their own. Core has checked that no value has a line break.
 */
function refusalHeaders(lines: Rejected["headers"] = []): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of lines) {
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}\r\n${name}: ${value}`;
  }
  return { ...PLAIN_TEXT, ...headers };
}

/** A promise is truthy, so an asynchronous refusal would admit the client. */
function verdictOf(verified: unknown): boolean {
  if (isRefusedPromise(verified))
    throw invalidArgument("verifyClient without a callback must be synchronous");
  return Boolean(verified);
}

/** Reports the rejection of an asynchronous hook, which then never calls back. */
function watch(result: unknown, failed: (error: unknown) => void): void {
  if (result instanceof Promise) result.catch(failed);
}

/** Errors of the WebSocket protocol, of the decompressor and of the network are caused by the client. */
function stageOf(error: Error): "adapter" | "client" {
  return "syscall" in error || isOfProtocol(error) ? "client" : "adapter";
}

/** An error of the WebSocket protocol or of the decompressor, after which ws ends the socket. */
function isOfProtocol(error: Error): boolean {
  return "code" in error && /^(?:WS_ERR|Z)_/.test(String(error.code));
}

/** ws distinguishes the two forms by the number of parameters. */
function isSync(verify: VerifyAsync | VerifySync): verify is VerifySync {
  return verify.length !== 2;
}
