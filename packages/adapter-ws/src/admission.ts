/** The hooks of a ws server by which core decides about a handshake before the answer is sent. */
import type { IncomingMessage } from "node:http";
import { chooseSubprotocol, invalidArgument, REFUSED_AFTER_CLOSE } from "@wsession/core/runtime";
import type { HandshakeAnswer, RuntimeBinding } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { copyHandshake, foundOn } from "./handshake.ts";
import { answeredByOtherError } from "./other-listeners.ts";
import { afterOwn, PLAIN_TEXT } from "./verify-client.ts";
import type { VerifyAnswer, VerifyAsync } from "./verify-client.ts";

/** An answer of core that admits the client. */
type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type HandleProtocols = WebSocketServer["options"]["handleProtocols"];
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;

/** The application's own hook, as core calls it. */
interface Chooser {
  handleProtocols?: (offered: readonly string[], request: IncomingMessage) => string | false;
}

/** The application's own `verifyClient`, for servers whose binding was closed. */
const ownHooks = new WeakMap<WebSocketServer, Pick<WebSocketServer["options"], "verifyClient">>();

/**
 * The hook of a server whose binding was closed. The hook refuses all clients, because without the hook the server would
 * accept all of them.
 */
const refuseAll: VerifyAsync = (_, answer) => reject(answer, REFUSED_AFTER_CLOSE);

/**
 * Calls core before the 101 is sent, through `verifyClient`, the only hook that ws calls for every kind of server. The later events
 * (`headers`, `connection`) follow the answer in the same tick.
 */
export class Admission {
  readonly #server: WebSocketServer;
  readonly #binding: RuntimeBinding<WebSocket>;
  /** Admitted requests, from the answer until the `connection` event in the same tick. */
  readonly #accepted = new WeakMap<IncomingMessage, Accepted>();
  /** The application's choice of a subprotocol, for a handshake that core answers with its own subprotocol. */
  readonly #ownChoices = new WeakMap<IncomingMessage, string>();
  #isClosed = false;

  constructor(server: WebSocketServer, binding: RuntimeBinding<WebSocket>) {
    this.#server = server;
    this.#binding = binding;
  }

  /** Replaces the hooks of the server. Returns a function that restores them. */
  replaceHooks(): () => void {
    const { options } = this.#server;
    const { handleProtocols: ownProtocols } = options;
    const chooser = chooserOf(ownProtocols);
    const { verifyClient: own } =
      options.verifyClient === refuseAll ? (ownHooks.get(this.#server) ?? {}) : options;
    const verify = afterOwn(own, {
      decide: (request, answer, isTaken) => this.#decide(request, answer, isTaken),
      report: (error) => this.#binding.report(error),
    });
    const choose: HandleProtocols = (offered, request) => this.#choose(chooser, offered, request);
    options.verifyClient = verify;
    options.handleProtocols = choose;
    return () => {
      this.#isClosed = true;
      // Hooks that the application has set since then are kept.
      if (options.handleProtocols === choose) Object.assign(options, { handleProtocols: ownProtocols });
      if (options.verifyClient !== verify) return;
      options.verifyClient = refuseAll;
      ownHooks.set(this.#server, { verifyClient: own });
    };
  }

  /** The headers that core adds to the 101. */
  headersOf(request: IncomingMessage): Accepted["headers"] {
    return this.#accepted.get(request)?.headers ?? [];
  }

  /** The answer that admitted the request, once; `undefined` for a request that was not admitted. */
  take(request: IncomingMessage): Accepted | undefined {
    const accepted = this.#accepted.get(request);
    this.#accepted.delete(request);
    return accepted;
  }

  /** The application's choice, for a handshake that core answers with its own subprotocol. */
  ownChoiceOf(request: IncomingMessage): string | undefined {
    return this.#ownChoices.get(request);
  }

  async #decide(request: IncomingMessage, answer: VerifyAnswer, isTaken: () => boolean): Promise<void> {
    const binding = this.#binding;
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
    if (this.#isClosed) {
      binding.abandon(outcome.ticket);
      return reject(answer, REFUSED_AFTER_CLOSE);
    }
    this.#admit(request, outcome, answer);
  }

  /** Lets ws send the 101, and emit `connection`. */
  #admit(request: IncomingMessage, outcome: Accepted, answer: VerifyAnswer): void {
    const binding = this.#binding;
    this.#accepted.set(request, outcome);
    const written = request.socket.bytesWritten;
    try {
      answer(true);
    } catch (error) {
      // The application's own `connection` listener threw after ours: the connection exists and continues.
      if (this.take(request) === undefined) throw error;
      binding.abandon(outcome.ticket);
      binding.report(error);
      // If the 101 was not written, another answer is sent. After the 101 the connection has no owner.
      if (request.socket.bytesWritten === written) answer(false, 500, "internal error", PLAIN_TEXT);
      else request.socket.destroy();
      return;
    }
    if (this.take(request) === undefined) return;
    binding.abandon(outcome.ticket);
    if (request.socket.writable && request.socket.readable) {
      binding.report(
        invalidArgument("the event `connection` must be emitted in the callback of handleUpgrade"),
      );
    }
  }

  #choose(own: Chooser, offered: ReadonlySet<string>, request: IncomingMessage): string | false {
    const answer = this.#accepted.get(request);
    const chosen = chooseSubprotocol(answer?.protocols ?? [...offered], own, request) ?? false;
    if (answer?.subprotocol === undefined) return chosen;
    if (chosen !== false) this.#ownChoices.set(request, chosen);
    return answer.subprotocol;
  }
}

/** ws itself passes a Set. Without a hook a server of ws has `null`. */
function chooserOf(own: HandleProtocols): Chooser {
  if (own === undefined || own === null) return {};
  return { handleProtocols: (offered, request) => own(new Set(offered), request) };
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
