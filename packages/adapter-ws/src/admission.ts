/** The hooks of a ws server by which core decides about a handshake before the answer is sent. */
import type { IncomingMessage } from "node:http";
import { invalidArgument, isRefusedPromise, REFUSED_AFTER_CLOSE } from "@wsession/core/runtime";
import type { HandshakeAnswer, RuntimeBinding } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { copyHandshake, foundOn } from "./handshake.ts";
import { answeredByOtherError, isAnsweredByOther, sentBytes } from "./other-listeners.ts";

/** An answer of core that admits the client. */
export type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;
type VerifyAsync = WebSocket.VerifyClientCallbackAsync<IncomingMessage>;
type VerifySync = WebSocket.VerifyClientCallbackSync<IncomingMessage>;
type VerifyAnswer = Parameters<VerifyAsync>[1];

/**
 * ws declares refusals as HTML by default, and a reason may quote client input: text/plain prevents script
 * injection.
 */
const PLAIN_TEXT = { "Content-Type": "text/plain; charset=utf-8" };

/** The application's own `verifyClient`, for servers whose binding was closed. */
const ownHooks = new WeakMap<WebSocketServer, Pick<WebSocketServer["options"], "verifyClient">>();

/**
 * The hook of a server whose binding was closed. The hook refuses all clients, because without the hook the server would
 * accept all of them.
 */
const refuseAll: VerifyAsync = (_, answer) => reject(answer, REFUSED_AFTER_CLOSE);

/**
 * Calls core before the 101 is sent, through `verifyClient`, the only hook that ws calls for every kind of server. The later events
 * (`headers`, `connection`) follow the answer in the same tick. Returns a function that restores the hooks.
 */
export function admitBeforeAnswer(
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
    const sentBefore = sentBytes(info.req.socket);
    const isTaken = () => isAnsweredByOther(info.req.socket, sentBefore);
    const once: VerifyAnswer = (verified, ...refusal) => {
      if (isAnswered) return binding.report(invalidArgument("verifyClient called its callback twice"));
      isAnswered = true;
      if (verified) void decide(info.req, answer, isTaken).catch((error: unknown) => binding.report(error));
      else if (isTaken()) binding.report(answeredByOtherError());
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

  async function decide(
    request: IncomingMessage,
    answer: VerifyAnswer,
    isTaken: () => boolean,
  ): Promise<void> {
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
    if (isTaken()) {
      if (outcome.type === "accept") binding.abandon(outcome.ticket);
      return binding.report(answeredByOtherError());
    }
    if (outcome.type === "reject") return reject(answer, outcome);
    if (request.socket.destroyed) return binding.abandon(outcome.ticket);
    if (isClosed) {
      binding.abandon(outcome.ticket);
      return reject(answer, REFUSED_AFTER_CLOSE);
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
    // The request that the hook gets contains the token, so the hook could choose the token. A choice counts only if it is among
    // the other subprotocols.
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

function reject(answer: VerifyAnswer, { status, reason, headers }: Rejected): void {
  answer(false, status, reason, refusalHeaders(headers));
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

/** ws distinguishes the two forms by the number of parameters. */
function isSync(verify: VerifyAsync | VerifySync): verify is VerifySync {
  return verify.length !== 2;
}
