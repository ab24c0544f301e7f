import type { IncomingMessage } from "node:http";
import { CloseCode } from "@wsession/core";
import type { Binding, Handlers, Sessions } from "@wsession/core";
import { assertMethods, assertNoMore, invalidArgument, isRefusedPromise } from "@wsession/core/runtime";
import type { HandshakeAnswer, Runtime, RuntimeBinding } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { copyHandshake, foundOn } from "./handshake.ts";
import { attach, wsRuntime } from "./socket.ts";
import { guardUpgrade } from "./upgrade.ts";

export { transportOf } from "./handshake.ts";
export type { SocketRecord } from "./handshake.ts";

type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type VerifyAsync = WebSocket.VerifyClientCallbackAsync<IncomingMessage>;
type VerifySync = WebSocket.VerifyClientCallbackSync<IncomingMessage>;
type VerifyAnswer = Parameters<VerifyAsync>[1];

/** ws would call it HTML, and the reason may quote the client. */
const PLAIN_TEXT = { "Content-Type": "text/plain; charset=utf-8" };

const servers = new WeakSet<WebSocketServer>();
/** The application's own hooks, of servers whose binding was closed. */
const ownHooks = new WeakMap<WebSocketServer, Pick<WebSocketServer["options"], "verifyClient">>();

/** Of a server whose binding was closed: to let everybody in would be worse than to let nobody in. */
const refuseAll: VerifyAsync = (_, answer) => answer(false, 503, "server restarting", PLAIN_TEXT);

/**
 * Ties a ws server, made with `port`, `server` or `noServer`, to the sessions. Call it once per server, before the
 * first connection; with `noServer`, emit `connection` in the callback of `handleUpgrade`, as ws documents.
 *
 * The user's `verifyClient` is asked first, and `handleProtocols` chooses among what was offered and is not a token. `clientTracking`,
 * `perMessageDeflate`, `maxPayload` and `closeTimeout` stay the user's. A second call throws INVALID_ARGUMENT, until `close()` of the first binding has settled: then
 * nothing of the binding is left on the server, which refuses handshakes with 503 until it is bound again.
 */
export function bindSessions<Data extends object, Transport, Unset extends undefined>(
  server: WebSocketServer,
  sessions: Sessions<Data, Transport, Unset>,
  handlers: NoInfer<Handlers<Data, Transport, Unset>>,
): Binding;
export function bindSessions<Data extends object, Transport, Unset extends undefined>(
  server: WebSocketServer,
  sessions: Sessions<Data, Transport, Unset>,
  handlers: NoInfer<Handlers<Data, Transport, Unset>>,
  surplus?: undefined,
): Binding {
  if (!isServer(server))
    throw invalidArgument("bindSessions takes a WebSocketServer of ws, the sessions, handlers");
  if (!("skipUTF8Validation" in server.options))
    throw invalidArgument(
      "bindSessions needs ws ^8.18.0: this server is of ws 7 or older, which does not tell text and binary apart",
    );
  assertMethods("bindSessions: sessions", sessions, "what createSessions returned", [
    "bind",
    "destroySubject",
  ]);
  assertNoMore("bindSessions for ws", surplus);
  if (servers.has(server)) throw invalidArgument("this WebSocketServer is bound already");
  const binding = sessions.bind(runtimeOf(server), handlers);
  servers.add(server);
  /** Admitted requests, from the answer to the `connection` event of the same tick. */
  const accepted = new WeakMap<IncomingMessage, Accepted>();
  /** What the application chose of a handshake that is answered with a subprotocol of core's. */
  const ownChoices = new WeakMap<IncomingMessage, string>();
  const restoreHooks = admitBeforeAnswer(server, binding, accepted, ownChoices);
  const restoreUpgrade = guardUpgrade(server, (error) => binding.report(error));

  const onHeaders = (lines: string[], request: IncomingMessage): void => {
    for (const [name, value] of accepted.get(request)?.headers ?? []) lines.push(`${name}: ${value}`);
  };
  server.on("headers", onHeaders);
  const report = (error: Error) => binding.report(error, { stage: stageOf(error) });
  // First of all listeners, so that the user's own find `sessions.of(socket)`.
  const onConnection = (socket: WebSocket, request: IncomingMessage): void => {
    const admitted = accepted.get(request);
    accepted.delete(request);
    if (admitted === undefined) {
      binding.report(invalidArgument("a connection came that was not admitted: bind before it, once"));
      socket.close(CloseCode.HandlerFailed, "not admitted");
      return;
    }
    attach(
      socket,
      request.socket,
      () => binding.open(socket, admitted.ticket, ownChoices.get(request)),
      report,
    );
  };
  server.prependListener("connection", onConnection);
  binding.onClosed(() => {
    server.off("headers", onHeaders);
    server.off("connection", onConnection);
    restoreUpgrade();
    restoreHooks();
    servers.delete(server);
  });
  return binding;
}

/**
 * Asks core before the 101, by the one hook that ws reads at each handshake for every kind of server. What comes after
 * the answer (`headers`, `connection`) happens in the same tick. Returns what takes the hooks back.
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
      if (isAnswered) return binding.report(invalidArgument("verifyClient answered twice"));
      isAnswered = true;
      if (verified) void decide(info.req, answer).catch((error: unknown) => binding.report(error));
      else answer(false, ...refusal);
    };
    // The user's own code, whose errors are owed an answer to the client too.
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
    // Node tells it as long as the socket lives, and for good once it was asked: here, while the store is at work.
    void request.socket.remoteAddress;
    const outcome = await deciding;
    if (outcome.type === "reject") return answer(false, outcome.status, outcome.reason, PLAIN_TEXT);
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
      // The user's own `connection` listener threw, after ours: the connection is there, and goes on.
      if (!accepted.delete(request)) throw error;
      binding.abandon(outcome.ticket);
      binding.report(error);
      // Before the 101 the client is owed another answer; after it nobody has the connection.
      if (request.socket.bytesWritten === written) answer(false, 500, "internal error", PLAIN_TEXT);
      else request.socket.destroy();
      return;
    }
    if (!accepted.delete(request)) return;
    binding.abandon(outcome.ticket);
    if (request.socket.writable && request.socket.readable) {
      binding.report(invalidArgument("emit `connection` in the callback of handleUpgrade"));
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
    // The request that it is given still has the token: a choice among the others is the only one that is sent.
    return typeof chosen === "string" && protocols.includes(chosen) ? chosen : false;
  }

  options.verifyClient = verify;
  options.handleProtocols = choose;
  return () => {
    isClosed = true;
    // What the application has set since stays.
    if (options.handleProtocols === choose) Object.assign(options, { handleProtocols: ownProtocols });
    if (options.verifyClient !== verify) return;
    options.verifyClient = refuseAll;
    ownHooks.set(server, { verifyClient: own });
  };
}

/** ws' own limit, which 0 lifts, is told to clients that ask what they may send. */
function runtimeOf({ options }: WebSocketServer): Runtime<WebSocket> {
  const { maxPayload = 0 } = options;
  return { ...wsRuntime, maxMessageBytes: maxPayload > 0 ? maxPayload : Infinity };
}

/** Not by class: the application may have another copy of ws. */
function isServer(value: unknown): boolean {
  return typeof value === "object" && value !== null && "handleUpgrade" in value && "options" in value;
}

/** A promise would be true: whoever it refuses later would be let in. */
function verdictOf(verified: unknown): boolean {
  if (isRefusedPromise(verified))
    throw invalidArgument("verifyClient without a callback must be synchronous");
  return Boolean(verified);
}

/** An asynchronous function may reject instead of calling back. */
function watch(result: unknown, failed: (error: unknown) => void): void {
  if (result instanceof Promise) result.catch(failed);
}

/** Protocol errors of ws, of its decompressor and of the operating system are the client's doing. */
function stageOf(error: Error): "adapter" | "client" {
  const isClients = "syscall" in error || ("code" in error && /^(?:WS_ERR|Z)_/.test(String(error.code)));
  return isClients ? "client" : "adapter";
}

/** As ws tells them apart. */
function isSync(verify: VerifyAsync | VerifySync): verify is VerifySync {
  return verify.length !== 2;
}
