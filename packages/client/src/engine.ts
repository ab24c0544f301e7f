/** The client's engine. It opens connections, schedules the next attempt, and emits events to the application. */
import type { Awaitable } from "@wsession/protocol";
import { createBackoff } from "./backoff.ts";
import { invalid } from "./client-error.ts";
import { openConnection } from "./connection.ts";
import type { Connection, ConnectionOwner } from "./connection.ts";
import type { Address, Client, ClientEvents, ClosedWhy, StatusEvent } from "./contract.ts";
import { onWake, startTimer } from "./environment.ts";
import { createListeners } from "./listeners.ts";
import { withoutQuery } from "./options.ts";
import type { Settings } from "./options.ts";
import { bytesOf, createOutgoing, failure } from "./outgoing.ts";
import type { Page } from "./page.ts";
import { createPageStorage } from "./page-storage.ts";

/** An attempt to connect. Starts with the request for the address. */
interface Attempt {
  connection?: Connection;
}

/** @param key distinguishes the clients of one page in a storage */
export function startClient(addressOf: () => Awaitable<Address>, key: string, settings: Settings): Client {
  const { token: tokens } = settings;
  const backoff = createBackoff(settings);
  const listeners = createListeners();
  let status: StatusEvent["status"] = "connecting";
  let session: ClientEvents["session"] | undefined;
  let live: Connection | undefined;
  let attempt: Attempt | undefined;
  /** Cancels the scheduled attempt, or the time limit of the address and of the token. */
  let cancel: (() => void) | undefined;
  let renewalCode: string | undefined;
  /** The last token that this page sent or received. */
  let token: string | undefined;
  let closing: Promise<unknown> | undefined;

  const page: Page = {
    state: { session: undefined, mark: 0, at: undefined, witness: undefined },
    outgoing: createOutgoing(settings, (then) => page.save(then)),
    listeners,
    reader: undefined,
    isFresh: true,
    isStored: settings.storage !== undefined,
    maxMessage: Infinity,
    save(then) {
      if (storage === undefined) then?.();
      else storage.save(then);
    },
    onHello(conversation, { session: id, resumed, token: newToken, beatMs, maxMessage }) {
      page.maxMessage = maxMessage;
      if (newToken !== undefined) page.renewToken(newToken);
      backoff.onHello(id !== undefined);
      if (live?.conversation !== conversation || session?.id !== id) {
        session = id === undefined ? undefined : { id, resumed };
        if (session !== undefined) listeners.emit("session", session);
      }
      const connection = attempt?.connection;
      if (connection?.conversation !== conversation) return;
      connection.liveness.silenceMs = Math.max(settings.silenceMs, 2.5 * beatMs);
      goLive(connection);
    },
    renewToken(newToken, onStored) {
      void writeToken(newToken).then((isKept) => isKept && onStored?.());
    },
    reconnect(withinMs, code) {
      if (closing !== undefined) return;
      if (code !== undefined) {
        renewalCode = code;
        abandonAttempt();
      }
      if (attempt === undefined && cancel === undefined)
        schedule(Math.random() * Math.max(withinMs, backoff.replace()));
    },
  };
  const { outgoing, state } = page;
  const storage =
    settings.storage &&
    createPageStorage(settings.storage, key, state, outgoing, (data, error) =>
      listeners.emit("leftover", { data, error }),
    );

  const owner: ConnectionOwner = {
    plain(connection) {
      session = undefined;
      outgoing.rejectAll("NOT_SUPPORTED");
      backoff.onHello(false);
      goLive(connection);
    },
    ended(connection, code, reason) {
      if (page.reader === connection.conversation) page.reader = undefined;
      if (connection === live) {
        live = undefined;
        // Wait for the result of the attempt, because the server may have ended this connection in favour of the new one.
        if (attempt !== undefined) return setStatus({ status: "connecting" });
      }
      attempt = undefined;
      retry(code, reason);
    },
  };

  const setStatus = (event: StatusEvent): void => {
    // The application may close the client in a call of its own code, such as the function of the address.
    if (closing !== undefined || (event.status === status && event.status !== "waiting")) return;
    status = event.status;
    listeners.emit("status", event);
  };
  const schedule = (ms: number): void => {
    cancel?.();
    cancel = startTimer(ms, connect);
  };
  const goLive = (connection: Connection): void => {
    void live?.close();
    live = connection;
    attempt = renewalCode = undefined;
    page.isFresh = false;
    setStatus({ status: "live" });
  };
  const abandonAttempt = (): void => {
    void attempt?.connection?.close();
    cancel?.();
    attempt = cancel = undefined;
  };
  const connect = (): void => {
    abandonAttempt();
    const own: Attempt = {};
    attempt = own;
    const fail = (reason: string): void => {
      if (attempt !== own) return;
      attempt = undefined;
      retry(1006, reason);
    };
    // The promise of the address or of the token storage may never settle.
    cancel = startTimer(settings.silenceMs, () => fail("timeout"));
    void open(own)
      // The error of a WebSocket class may quote the address, with the token in the query.
      .catch((error) => fail(withoutQuery(String(error))))
      // The application threw a value without a text, such as an object without a prototype.
      .catch(() => fail("error"));
    // The last step: a listener may call `close`, which abandons the attempt.
    if (live === undefined) setStatus({ status: "connecting" });
  };
  const open = async (own: Attempt): Promise<void> => {
    const address = await addressOf();
    const stored = await tokens?.read();
    if (attempt !== own) return;
    cancel?.();
    cancel = undefined;
    token = stored;
    // Cut the fragment. Otherwise a browser would cut the token together with the fragment, and ws would refuse the address.
    let url = (typeof address === "string" ? address : address.href).replace(/#.*/s, "");
    const protocols = [...settings.protocols];
    const secret = renewalCode ?? token;
    const parameter = tokens === undefined ? settings.renewalParameter : tokens.queryParameter;
    // A custom storage may return null, as `localStorage` does.
    if (secret) {
      // With a damaged token in its storage a WebSocket class would refuse each attempt. The server can refuse an encoded token.
      const encoded = encodeURIComponent(secret);
      if (parameter) url += `${url.includes("?") ? "&" : "?"}${parameter}=${encoded}`;
      else protocols.push(`wsession.${encoded}`);
    }
    own.connection = openConnection(url, protocols, settings, page, owner);
  };
  const retry = (code: number, reason: string): void => {
    const next = backoff.next(code, live !== undefined);
    if (typeof next === "number") {
      schedule(next);
      if (live === undefined) setStatus({ status: "waiting", retryInMs: next, code, reason });
    } else if (live !== undefined) schedule(settings.maxMs);
    else {
      if (next === "login" && token !== undefined) void writeToken(undefined, token);
      stop(code, reason, next);
    }
  };
  const stop = (code: number, reason: string, why: ClosedWhy): void => {
    const connections = [live, attempt?.connection];
    closing = Promise.all(connections.map((connection) => connection?.close(code, reason)));
    live = attempt = page.reader = undefined;
    abandonAttempt();
    stopWaking();
    status = "closed";
    // The first `save` waits until the storage was read, so that the messages of earlier pages settle too, before `closed`.
    page.save(() => {
      outgoing.rejectAll("CLOSED");
      page.save(() => {
        listeners.emit("status", { status: "closed", code, reason });
        listeners.emit("closed", { code, reason, why });
      });
    });
  };
  /**
   * Writes a token, and returns whether it was written. With `instead` the token is written only in place of that one, because another
   * tab may have written a newer one.
   */
  const writeToken = async (value: string | undefined, instead?: string): Promise<boolean> => {
    try {
      if (tokens === undefined || (instead !== undefined && (await tokens.read()) !== instead)) return false;
      token = value;
      await tokens.write(value);
      return true;
    } catch {
      return false;
    }
  };
  const messageTypeError = (message: unknown): Error | undefined =>
    typeof message === "string" || message instanceof Uint8Array
      ? undefined
      : invalid("a message must be of type string or Uint8Array");
  /** Returns why `message` can't be queued; `undefined` if it can. */
  const refusalOf = (message: unknown): Error | undefined =>
    messageTypeError(message) ??
    (closing !== undefined
      ? failure("CLOSED")
      : live?.isPlain === true
        ? failure("NOT_SUPPORTED")
        : undefined);

  const stopWaking = onWake(() => {
    if (attempt === undefined && cancel !== undefined) connect();
    live?.liveness.probe();
  });
  const start = async (): Promise<void> => {
    await storage?.load();
    if (closing === undefined) connect();
  };
  void start();

  return {
    get status() {
      return status;
    },
    get session() {
      return session;
    },
    send(message) {
      const mark = state.session === undefined ? undefined : state.mark;
      const promise = outgoing.add(message, mark, refusalOf(message));
      page.reader?.flush();
      return promise;
    },
    sendNow(message) {
      const mistake = messageTypeError(message);
      if (mistake !== undefined) throw mistake;
      return live?.sendNow(message) ?? false;
    },
    reconnect() {
      page.isFresh = true;
      if (closing === undefined) connect();
    },
    async close(code = 1000, reason = "") {
      const isCode = code === 1000 || (Number.isInteger(code) && code >= 3000 && code < 5000);
      if (!isCode || typeof reason !== "string" || bytesOf(reason) > 123)
        throw invalid("code must be 1000 or 3000 to 4999, reason up to 123 bytes");
      if (closing === undefined) stop(code, reason, "asked");
      await closing;
    },
    on(type, listener) {
      const off = listeners.add(type, listener);
      // Without a listener earlier messages were not delivered. Reconnect, so that the server replays them.
      if (type === "message" && live?.conversation?.isBehind() === true) page.reconnect(0);
      return off;
    },
  };
}
