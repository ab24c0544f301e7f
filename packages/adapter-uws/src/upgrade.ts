/** The answers to upgrade requests. */
import { STATUS_CODES } from "node:http";
import type { Handshake } from "@wsession/core";
import { chooseSubprotocol, invalidArgument, isRefusedPromise } from "@wsession/core/runtime";
import type { HandshakeAnswer, RuntimeBinding } from "@wsession/core/runtime";
import type { HttpRequest, HttpResponse, us_socket_context_t } from "uWebSockets.js";
import type { BindOptions } from "./bind-options.ts";
import { copyRequest } from "./handshake.ts";
import type { UpgradeRequest } from "./handshake.ts";
import type { Neighbours } from "./neighbours.ts";
import { Arrival, SEEN } from "./socket.ts";
import type { Socket, UserData } from "./socket.ts";
import { sendable } from "./text.ts";

type Accepted = Extract<HandshakeAnswer, { type: "accept" }>;
type Rejected = Extract<HandshakeAnswer, { type: "reject" }>;

/** The state of a route while it is bound. */
export interface Route {
  readonly binding: RuntimeBinding<Socket>;
  readonly options: BindOptions;
  readonly encrypted: boolean;
  readonly neighbours: Neighbours;
}

/** Asks core about a request, and answers it. */
export function answerUpgrade(
  route: Route,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  const { binding, options, encrypted, neighbours } = route;
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
    if (!asksForUpgrade(copy.handshake)) return refuse(response, { status: 400, reason: "not an upgrade" });
    found = options.found?.(request, response);
    if (isRefusedPromise(found)) throw invalidArgument("found must be synchronous");
  } catch (error) {
    binding.report(error);
    return refuse(response, { status: 500, reason: "internal error" });
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
    const answer = await binding.admit(copy.handshake, found);
    isDecided = true;
    const needsOther = answer.type === "accept" && !isInside && !isAborted;
    const other = needsOther ? await neighbours.find(response) : undefined;
    if (isAborted) {
      if (answer.type === "accept") binding.abandon(answer.ticket);
    } else if (answer.type === "reject") {
      response.cork(() => refuse(response, answer));
    } else neighbours.around(response, other, () => completeUpgrade(route, response, context, copy, answer));
  };
  answered().catch((error: unknown) => binding.report(error));
}

function completeUpgrade(
  { binding, options }: Route,
  response: HttpResponse,
  context: us_socket_context_t,
  { key, extensions }: UpgradeRequest,
  answer: Accepted,
): void {
  let protocol: string;
  try {
    protocol = chooseSubprotocol(answer.protocols, options, answer.ticket.handshake) ?? "";
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

export function refuse(
  response: HttpResponse,
  { status, reason, headers = [] }: Pick<Rejected, "status" | "reason" | "headers">,
): void {
  response
    .writeStatus(`${status} ${STATUS_CODES[status] ?? "Refused"}`)
    .writeHeader("content-type", "text/plain; charset=utf-8");
  for (const [name, value] of headers) response.writeHeader(name, value);
  response.end(sendable(reason), true);
}
