/** The application's own `verifyClient`, which runs before core decides. */
import type { IncomingMessage } from "node:http";
import { invalidArgument, isRefusedPromise } from "@wsession/core/runtime";
import type { WebSocket, WebSocketServer } from "ws";
import { answeredByOtherError, isAnsweredByOther, sentBytes } from "./other-listeners.ts";

export type VerifyAsync = WebSocket.VerifyClientCallbackAsync<IncomingMessage>;
type VerifySync = WebSocket.VerifyClientCallbackSync<IncomingMessage>;
export type VerifyAnswer = Parameters<VerifyAsync>[1];
export type VerifyClient = WebSocketServer["options"]["verifyClient"];

/**
 * ws declares refusals as HTML by default, and a reason may quote client input: text/plain prevents script
 * injection.
 */
export const PLAIN_TEXT = { "Content-Type": "text/plain; charset=utf-8" };

/** The steps after the application's own hook. */
export interface AfterOwn {
  /** The application admits the client. `isTaken`: whether another listener has answered the request. */
  readonly decide: (request: IncomingMessage, answer: VerifyAnswer, isTaken: () => boolean) => Promise<void>;
  readonly report: (error: unknown) => void;
}

/** A hook that calls `own` first. An error in `own` is answered too, because otherwise the client would wait for ever. */
export function afterOwn(own: VerifyClient, { decide, report }: AfterOwn): VerifyAsync {
  return (info, answer) => {
    let isAnswered = false;
    const sentBefore = sentBytes(info.req.socket);
    const isTaken = () => isAnsweredByOther(info.req.socket, sentBefore);
    const once: VerifyAnswer = (verified, ...refusal) => {
      if (isAnswered) return report(invalidArgument("verifyClient called its callback twice"));
      isAnswered = true;
      if (verified) void decide(info.req, answer, isTaken).catch(report);
      else if (isTaken()) report(answeredByOtherError());
      else answer(false, ...refusal);
    };
    const failed = (error: unknown) => {
      report(error);
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
