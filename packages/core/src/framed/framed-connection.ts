import { isUint8Array } from "node:util/types";
import {
  EARLY_BYTES,
  EARLY_MESSAGES,
  Lead,
  leadOf,
  parseClientControl,
  payloadOf,
  ProtocolError,
  writePlain,
  writeServerControl,
} from "@wsession/protocol";
import type { Attach, Position } from "@wsession/protocol";
import type { Renewal, ReplayEvent } from "../api/contract.ts";
import type { SendOutcome } from "../api/runtime.ts";
import { CloseCode } from "../base/close-codes.ts";
import { promiseOf } from "../base/promises.ts";
import { LiveConnection } from "../connection/connection.ts";
import type { ConnectionContext } from "../connection/connection.ts";
import type { Handshake } from "../handshake/handshake.ts";
import { BEGINNING } from "../session/kept-run.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import { ControlLimit } from "./control-limit.ts";
import { helloOf } from "./hello.ts";
import { Numbers } from "./numbers.ts";
import { NOTHING_KEPT, Replay } from "./replay.ts";
import type { Begun } from "./replay.ts";

const MAX_ATTACHES = 8;

/** A connection that speaks `v1.wsession`. What it costs, raw connections do not pay. */
export class FramedConnection<
  Data extends object,
  Transport,
  Unset extends undefined,
  Socket extends object,
> extends LiveConnection<Data, Transport, Unset, Socket> {
  readonly #protocol: string;
  readonly #numbers: Numbers = new Numbers(this);
  readonly #controls: ControlLimit = new ControlLimit();
  #replay: Replay<Data> | undefined;
  /** The latest attach that took effect, and how many came. */
  #attach: Attach | undefined;
  #attaches = 0;
  /** Whether the latest attach was answered, by a hello with or without a session. */
  #isGreeted = false;
  #early = { messages: 0, bytes: 0 };
  /** Where the outbox ended at the handshake. */
  #start: Position = BEGINNING;
  #opened: Promise<unknown> | undefined;
  #hasSent = false;

  /** `protocol`: the application's own subprotocol, which the 101 has no room for. */
  constructor(
    context: ConnectionContext<Data, Transport, Unset, Socket>,
    socket: Socket,
    number: number,
    handshake: Handshake,
    transport: Transport,
    protocol: string,
  ) {
    super(context, socket, number, handshake, transport);
    this.#protocol = protocol;
  }

  get maxBufferedBytes(): number {
    return this.context.settings.maxBufferedBytes;
  }

  // --- frames in ---

  override receive(frame: string | Uint8Array, borrowed: boolean = false): void {
    if (this.isEnding) return super.receive(frame, borrowed);
    try {
      const lead = leadOf(frame);
      if (lead === Lead.Control) this.#control(String(frame));
      else {
        this.#admitMessage(frame, lead === Lead.Counted);
        this.#controls.onMessage();
        super.receive(frame, borrowed);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.context.report(error, { stage: "client", connection: this });
      this.end(CloseCode.ProtocolError, error.message);
    }
  }

  /** Throws where the client sends what it may not send yet, or more than it may. */
  #admitMessage(frame: string | Uint8Array, isCounted: boolean): void {
    if (this.#attaches === 0) throw new ProtocolError("attach is the first frame");
    const meansSession = this.#attach?.session !== undefined;
    if (isCounted && !meansSession && !(this.#isGreeted && this.hasSession))
      throw new ProtocolError("numbered messages wait for hello");
    if (!this.#isGreeted) {
      this.#early.messages += 1;
      this.#early.bytes += typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
      if (this.#early.messages > EARLY_MESSAGES || this.#early.bytes > EARLY_BYTES + EARLY_MESSAGES)
        throw new ProtocolError("too much before hello");
    }
    if (isCounted && !this.#numbers.receive()) throw new ProtocolError("too many unsettled messages");
  }

  #control(frame: string): void {
    const control = parseClientControl(frame);
    if (control.type !== "attach" && this.#attaches === 0)
      throw new ProtocolError("attach is the first frame");
    if (control.type !== "read" && this.#controls.isExceeded())
      throw new ProtocolError("too many control frames");
    switch (control.type) {
      case "attach":
        this.#attaches += 1;
        if (this.#attaches > MAX_ATTACHES) throw new ProtocolError("too many attaches");
        if (control.fresh) this.markActive();
        if (this.#attaches === 1) this.#attachFirst(control);
        // It takes its place among the messages, whose numbers it begins anew.
        else this.receiveQuietly(frame);
        return;
      case "read":
        if (this.context.settings.outbox.whenFull !== "refuse")
          throw new ProtocolError("no acks were asked for");
        if (this.#replay?.ack(control.offset) !== true)
          throw new ProtocolError("an ack of what was never sent");
        return;
      case "probe":
        this.#beat();
        return;
      case "bye":
        this.endHandled(1000, "");
        return;
      case "token-kept":
      case "unknown":
    }
  }

  protected override callMessage(frame: string | Uint8Array): unknown {
    const lead = leadOf(frame);
    if (lead === Lead.Control) return this.#attachAgain(String(frame));
    const message = payloadOf(frame);
    if (lead === Lead.Plain) return super.callMessage(message);
    const number = this.#numbers.take();
    return number === undefined ? undefined : this.#handle(number, message);
  }

  /** Hands a numbered message to the handler, and settles the number once the handler has settled: at least once. */
  #handle(number: number, message: string | Uint8Array): unknown {
    const failed = (error: unknown): never => {
      this.#numbers.fail(number, error);
      throw error;
    };
    try {
      const handling = promiseOf(super.callMessage(message));
      if (handling !== undefined) return handling.then(() => this.#numbers.settle(number), failed);
    } catch (error) {
      failed(error);
    }
    this.#numbers.settle(number);
    return undefined;
  }

  // --- attaching ---

  override attach(state: LocalSession<Data>, fence: number, outbox?: Position): void {
    super.attach(state, fence, outbox);
    this.#start = outbox ?? BEGINNING;
    // It came while there was no session.
    if (this.#attach !== undefined) void this.#greet(this.#attach, state);
  }

  #attachFirst(attach: Attach): void {
    this.#attach = attach;
    if (this.state !== undefined) void this.#greet(attach, this.state);
    else if (this.context.settings.gate === "open") this.#hello(attach, NOTHING_KEPT);
  }

  #attachAgain(frame: string): unknown {
    const attach = parseClientControl(frame);
    if (attach.type !== "attach") return undefined;
    this.#attach = attach;
    const at = this.#replay?.position ?? BEGINNING;
    // First, because acks that are put off are of the client id before: behind hello they would be taken for the new one's.
    this.#numbers.begin(this.#isMeant(attach) ? attach.from : undefined);
    this.#hello(attach, { at, last: at.offset, missed: undefined, replayed: 0 });
    return undefined;
  }

  /** Answers the first attach, now that there is a session: where the client stands, what it missed, and who it is to us. */
  async #greet(attach: Attach, state: LocalSession<Data>): Promise<void> {
    this.holdMessages(true);
    try {
      const begun = await this.#locate(attach, state);
      if (this.isEnding) return;
      this.#hello(attach, begun);
      this.#numbers.begin(this.#isMeant(attach) ? attach.from : undefined);
      this.#replay?.go();
      if (this.resumed) {
        const { replayed } = begun;
        const missed = begun.missed && { from: begun.missed.from, to: begun.missed.to };
        await this.#opened;
        await this.callResumed({ replayed, missed } satisfies ReplayEvent);
      }
    } catch (error) {
      this.failed("store", error);
    } finally {
      this.holdMessages(false);
    }
  }

  /** Whether the numbers of an attach are for this connection's session. */
  #isMeant({ session }: Attach): boolean {
    return session === undefined || session === this.state?.id;
  }

  async #locate(attach: Attach, state: LocalSession<Data>): Promise<Begun> {
    const { outboxes, settings } = state.context;
    if (!outboxes.areKept) return NOTHING_KEPT;
    const reader = settings.outbox.whenFull === "refuse" ? attach.client : undefined;
    const replay = new Replay<Data>(this, state, reader);
    this.#replay = replay;
    // A position is one in the outbox of a session: in another one it means nothing.
    const isOwn = attach.session === state.id && attach.at !== undefined;
    return replay.begin(isOwn ? attach.at : this.#start, isOwn ? attach.witness : undefined);
  }

  #hello(attach: Attach, begun: Begun): void {
    this.#isGreeted = true;
    const { state, token, resumed } = this;
    const { context } = this;
    const frame = helloOf(context, { state, token, resumed, begun, protocol: this.#protocol, attach });
    this.#hasSent = true;
    if (token === undefined) this.transmit(frame);
    else this.transmitSecret(frame);
  }

  protected override callOpen(handshake: Handshake): unknown {
    const opening = promiseOf(this.context.handlers.open?.(this, handshake));
    // What it rejects with is the lifecycle's to tell.
    this.#opened = opening?.catch(() => undefined);
    return opening;
  }

  // --- frames out ---

  override send(data: string | Uint8Array, surplus?: undefined): SendOutcome {
    const isMessage = typeof data === "string" || isUint8Array(data);
    this.#hasSent = true;
    return super.send(isMessage ? writePlain(data) : data, surplus);
  }

  sendFrame(frame: string | Uint8Array): void {
    if (this.isEnding) return;
    this.#hasSent = true;
    this.transmit(frame);
  }

  replayFailed(error: unknown): void {
    this.failed("store", error);
  }

  override onKept(run: KeptRun): void {
    this.#replay?.onKept(run);
  }

  override onRenewed({ token, renewalCode }: Renewal): void {
    if (this.isEnding || this.#attaches === 0) return;
    const byCookie = this.context.settings.token?.write !== undefined;
    const told = byCookie ? { token: undefined, renewalCode } : { token, renewalCode: undefined };
    this.#hasSent = true;
    this.transmitSecret(writeServerControl({ type: "notice", ...told }));
  }

  override announceEnd(ms: number): void {
    if (this.#attaches > 0) this.sendFrame(writeServerControl({ type: "going-away", ms: Math.ceil(ms) }));
  }

  override heartbeat(): void {
    super.heartbeat();
    if (!this.#hasSent && this.#isGreeted) this.#beat();
    this.#hasSent = false;
  }

  override drained(): void {
    super.drained();
    this.#replay?.onDrained();
  }

  protected override notifyClosed(): void {
    super.notifyClosed();
    this.#numbers.stop();
    this.#replay?.onDrained();
  }

  #beat(): void {
    this.sendFrame(writeServerControl({ type: "beat", ...(this.#replay?.position ?? BEGINNING) }));
  }
}
