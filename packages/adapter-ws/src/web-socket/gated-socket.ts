import type { EventEmitter } from "node:events";
import { CloseCode, SessionError } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { tapConnection } from "@wsession/core/runtime";
import type { ConnectionTap, TappedConnection } from "@wsession/core/runtime";
import { binaryOf, bufferOf, bytesOf, Fragments, isBinaryType } from "./payloads.ts";
import type { BinaryType } from "./payloads.ts";
import { ListenerTarget } from "./listener-target.ts";
import type { SocketEvent } from "./listener-target.ts";
import { WaitingMessages } from "./waiting-messages.ts";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

type Callback = (error?: Error) => void;
type SendOptions = { readonly binary?: boolean | undefined; readonly fin?: boolean | undefined };
type EmitterListener = Parameters<EventEmitter["on"]>[1];
type Constant = { readonly value: number };

/** The members of ws's socket that its class and its instances have. */
const constants = {
  CONNECTING: { value: CONNECTING },
  OPEN: { value: OPEN },
  CLOSING: { value: CLOSING },
  CLOSED: { value: CLOSED },
} satisfies Record<string, Constant>;

/**
 * A connection as a socket of ws, which emits the connection's messages: the result of `asWebSocket`.
 *
 * How data flows. Core keeps the runtime's socket, the gate, the order and the limits of messages. When the handler `message` is
 * due, core passes the message to the tap first. The tap emits the message. `send` calls `connection.send`, so framing, pings and
 * `maxBufferedBytes` are those of the connection.
 *
 * Messages wait, as in a paused stream, until there is a receiver: until the first listener of `message`, `resume()`, or a handler
 * `message` of the application. They wait in the connection's inbox, since the tap's promise holds the next message back. With
 * `maxConcurrentMessages` that many of them wait here, in order.
 */
export class GatedSocket extends ListenerTarget {
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;
  readonly url: string = "";
  readonly extensions: string;
  readonly #connection: Connection;
  readonly #tapped: TappedConnection;
  #binaryType: BinaryType = "nodebuffer";
  #isPaused = false;
  /** Whether messages are emitted at once. */
  #isFlowing: boolean;
  /** With `maxConcurrentMessages` several messages may wait here. A later message must not overtake them (I2). */
  readonly #waiting = new WaitingMessages();
  #isDrainDue = false;
  /** Callbacks of `send` for messages that wait in this process, in order. */
  #unsent: Callback[] = [];
  readonly #fragments = new Fragments();
  #onReady: (() => void) | undefined = undefined;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
    this.#tapped = tapConnection(connection, this.#tap());
    this.extensions = extensionsOf(connection.socket);
    this.#isFlowing = this.#tapped.hasMessageHandler;
  }

  /** Calls `listener` once, when messages may come. Messages wait until then. */
  introduceTo(listener: () => void): void {
    this.#onReady = listener;
    this.#tapped.awaitReady();
  }

  #tap(): ConnectionTap {
    return {
      facade: this,
      ready: () => this.#onReady?.(),
      message: (data) => this.#receive(data),
      controlFrame: (type, data) => void this.emit(type, bufferOf(data)),
      drained: () => this.#callBackSent(undefined),
      ending: () => {
        // A message without a listener, or one that the connection's end discards, must not delay `close`.
        if (this.#tapped.isDiscarding || !this.#isPaused) this.#flow();
      },
      closed: (code, reason) => {
        this.#callBackSent(closedError());
        this.emit("close", code, Buffer.from(reason));
      },
    };
  }

  // --- received ---

  #receive(data: string | Uint8Array): Promise<unknown> | undefined {
    if (!this.#isFlowing || !this.#waiting.isEmpty) return this.#waiting.add(data);
    this.#emitMessage(data);
    return undefined;
  }

  #emitMessage(data: string | Uint8Array): void {
    if (typeof data === "string") this.emit("message", Buffer.from(data), false);
    else this.emit("message", binaryOf(data, this.#binaryType), true);
  }

  /** Messages that wait are emitted after the code that lets them flow. */
  #flow(): void {
    this.#isFlowing = true;
    if (this.#waiting.isEmpty || this.#isDrainDue) return;
    this.#isDrainDue = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    this.#isDrainDue = false;
    // The listener of a message may pause the socket again.
    while (this.#isFlowing && !this.#waiting.isEmpty)
      this.#waiting.next((data) => {
        if (!this.#tapped.isDiscarding) this.#emitMessage(data);
      });
  }

  #listened(type: string | symbol): void {
    if (type === "message" && !this.#isFlowing && !this.#isPaused) this.#flow();
  }

  override on(type: string | symbol, listener: EmitterListener): this {
    super.on(type, listener);
    this.#listened(type);
    return this;
  }

  override addListener(type: string | symbol, listener: EmitterListener): this {
    return this.on(type, listener);
  }

  override prependListener(type: string | symbol, listener: EmitterListener): this {
    super.prependListener(type, listener);
    this.#listened(type);
    return this;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Messages wait, within the limits of the connection's inbox. A pause ends with the connection. */
  pause(): void {
    if (this.#tapped.isFinished) return;
    this.#isPaused = true;
    if (!this.#tapped.isDiscarding) this.#isFlowing = false;
  }

  resume(): void {
    this.#isPaused = false;
    this.#flow();
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    if (isBinaryType(type)) this.#binaryType = type;
  }

  protected eventOf(type: string, [first, second]: readonly unknown[]): SocketEvent {
    const event = { type, target: this };
    switch (type) {
      case "message":
        return { ...event, ...{ data: second === true ? first : String(first) } };
      case "close":
        return { ...event, ...{ code: first, reason: String(second), wasClean: first !== 1006 } };
      case "error":
        return {
          ...event,
          ...{ error: first, message: first instanceof Error ? first.message : String(first) },
        };
      default:
        return event;
    }
  }

  protected listenerRejected(error: unknown): void {
    this.#tapped.fail(error);
  }

  // --- sent ---

  get readyState(): number {
    if (this.#tapped.isFinished) return CLOSED;
    return this.#tapped.isEnding ? CLOSING : OPEN;
  }

  get bufferedAmount(): number {
    return this.#connection.bufferedAmount;
  }

  get protocol(): string {
    return this.#connection.protocol;
  }

  send(data: unknown, options?: SendOptions | Callback | null, callback?: Callback): void {
    // As in ws, a callback that is not a function is ignored. A call of it would throw and end the connection.
    const given = typeof options === "function" ? options : callback;
    const done = typeof given === "function" ? given : undefined;
    const { binary = typeof data !== "string" && typeof data !== "number", fin = true } =
      typeof options === "object" && options !== null ? options : {};
    const message = this.#fragments.add(data, binary, fin);
    if (message === undefined) return this.#callBack(done, undefined);
    switch (this.#connection.send(message)) {
      case "sent":
        if (this.#unsent.length > 0 && done !== undefined) this.#unsent.push(done);
        else this.#callBack(done, undefined);
        return;
      case "queued":
        if (done !== undefined) this.#unsent.push(done);
        return;
      case "dropped":
        // The peer would miss this message. With a callback the sender gets an error; without a callback the connection must end.
        if (done === undefined) this.#connection.close(CloseCode.InboxFull, "too much waits to be sent");
        else this.#callBack(done, new Error("more than maxBufferedBytes would wait to be sent"));
        return;
      case "closed":
        this.#callBack(done, closedError());
    }
  }

  #callBackSent(error: Error | undefined): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const callback of unsent) this.#callBack(callback, error);
  }

  /** Calls a callback after the code that sent, as ws does. */
  #callBack(callback: Callback | undefined, error: Error | undefined): void {
    if (callback === undefined) return;
    process.nextTick(() => {
      try {
        if (error === undefined) callback();
        else callback(error);
      } catch (thrown) {
        this.#tapped.fail(thrown);
      }
    });
  }

  ping(data?: unknown, mask?: unknown, callback?: Callback): void {
    this.#sendControl("ping", data, mask, callback);
  }

  /**
   * On uWebSockets.js the callback gets an error, because that runtime can't send an unsolicited pong. It answers each ping by
   * itself.
   */
  pong(data?: unknown, mask?: unknown, callback?: Callback): void {
    this.#sendControl("pong", data, mask, callback);
  }

  #sendControl(type: "ping" | "pong", ...values: [data: unknown, mask: unknown, callback?: Callback]): void {
    const [data] = values;
    const done = values.find((value): value is Callback => typeof value === "function");
    const bytes = data === undefined || typeof data === "function" ? undefined : bytesOf(data);
    if (bytes !== undefined && bytes.length > 125)
      throw new RangeError("the data of a ping or a pong must have at most 125 bytes");
    if (this.#tapped.isEnding) return this.#callBack(done, closedError());
    const isSent = this.#tapped.sendControl(type, bytes);
    const refused = isSent ? undefined : new SessionError("NOT_SUPPORTED", "the runtime can't send a pong");
    this.#callBack(done, refused);
  }

  // --- the end ---

  close(code?: number, reason: string | Uint8Array = ""): void {
    if (!this.#tapped.isEnding)
      this.#connection.close(code, typeof reason === "string" ? reason : Buffer.from(reason).toString());
  }

  terminate(): void {
    this.#connection.terminate();
  }
}

Object.defineProperties(GatedSocket, constants);
Object.defineProperties(GatedSocket.prototype, constants);

function closedError(): Error {
  return new SessionError("CONNECTION_CLOSED", "the connection has ended, or is ending");
}

/** The extensions of a socket of ws. The sockets of other runtimes do not have this member. */
function extensionsOf(socket: unknown): string {
  const hasOwn = typeof socket === "object" && socket !== null && "extensions" in socket;
  return hasOwn && typeof socket.extensions === "string" ? socket.extensions : "";
}
