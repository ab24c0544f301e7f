/** The server's side of sending: to a connection, a session, a subject, or from a transaction. */
import { isPromiseLike } from "../awaitable.ts";
import { invalidArgument } from "../errors.ts";
import { ownedBy } from "../ownership.ts";
import type { SendOptions, Sent } from "../sending.ts";
import type { Verdict } from "./check.ts";
import { assertNoMore, byName, isObject } from "./definition.ts";
import type { Definition } from "./definition.ts";
import { Outgoing } from "./outgoing.ts";
import { Sequence } from "./sequence.ts";
import type { Payloads, Senders, SessionsLike } from "./types.ts";

type SendersOfKept<Result> = Senders<Payloads, [options?: SendOptions], Promise<Result>>;

export class MessageSenders {
  readonly #definition: Definition;
  /** The key is the receiver, a subject or a session, so that all handles of a session share one order. */
  readonly #order = new Sequence<string>();

  constructor(definition: Definition) {
    this.#definition = definition;
  }

  to<Options extends unknown[], Result>(target: {
    readonly id: string;
    send(message: string, ...options: Options): Result;
  }): Senders<Payloads, Options, Result> {
    assertSends("to()", target, "send");
    if (typeof target.id !== "string")
      throw invalidArgument("to() takes a connection, a session or a transaction, each of which has an id");
    // Only a session has `connections`. Its `send` returns a promise; `send` of a connection or a transaction does not.
    const isSession = "connections" in target;
    return byName(this.#definition, (name, schema) => (payload?: unknown, ...options: Options) => {
      const message = new Outgoing(name, schema, payload);
      const send = (): Result => target.send(message.text, ...options);
      if (isSession) return this.#inOrder(target, `session ${target.id}`, message, send);
      message.assertAcceptedNow();
      return send();
    });
  }

  toSession(sessions: SessionsLike, id: string): SendersOfKept<Sent | undefined> {
    assertSends("toSession()", sessions, "send");
    if (typeof id !== "string") throw invalidArgument("toSession() takes the id of a session as a string");
    return this.#sendersOfKept(sessions, `session ${id}`, (text, options) =>
      sessions.send(id, text, options),
    );
  }

  toSubject(
    sessions: SessionsLike,
    subject: string,
  ): SendersOfKept<{ readonly sessions: number; readonly failed: number }> {
    assertSends("toSubject()", sessions, "sendToSubject");
    // An encoder of UTF-8 replaces each lone surrogate, so that another subject would get the message.
    if (typeof subject !== "string" || subject === "" || /\p{Surrogate}/u.test(subject))
      throw invalidArgument("toSubject() takes a subject that is a non-empty string of well-formed Unicode");
    return this.#sendersOfKept(sessions, `subject ${subject}`, (text, options) =>
      sessions.sendToSubject(subject, text, options),
    );
  }

  #sendersOfKept<Result>(
    sessions: object,
    key: string,
    send: (text: string, options?: SendOptions) => Promise<Result>,
  ): SendersOfKept<Result> {
    return byName(this.#definition, (name, schema) => (payload, options, surplus?: unknown) => {
      assertNoMore(name, surplus);
      const message = new Outgoing(name, schema, payload);
      return this.#inOrder(sessions, key, message, () => send(message.text, options));
    });
  }

  /**
   * If no earlier message and no schema is pending, throws at once and returns the promise of `send` itself, because the
   * session handles an unawaited rejection of its own promise. Otherwise the promise is made one of the target's own.
   */
  #inOrder<Promised>(target: object, key: string, message: Outgoing, send: () => Promised): Promised {
    const { verdict } = message;
    const act = (known: Verdict): Promised => {
      message.assertAccepted(known);
      return send();
    };
    if (!isPromiseLike(verdict) && !this.#order.isWaiting(key)) return act(verdict);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `send` of a session and of sessions returns a promise, and so does this
    return ownedBy(target, this.#order.inOrder(key, verdict, act)) as Promised;
  }
}

function assertSends(where: string, target: unknown, method: string): void {
  if (!isObject(target) || typeof target[method] !== "function")
    throw invalidArgument(`${where} takes an object with the method ${method}`);
}
