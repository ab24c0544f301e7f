import {
  Lead,
  leadOf,
  parseClientControl,
  payloadOf,
  ProtocolError,
  writePlain,
  writeServerControl,
} from "@wsession/protocol";
import type { Attach, ClientControl } from "@wsession/protocol";
import type { Renewal, ReplayEvent, SendOutcome } from "../api/contract.ts";
import { CloseCode } from "../base/close-codes.ts";
import { promiseOf } from "../base/promises.ts";
import { Flow } from "../connection/flow.ts";
import type { Handshake } from "../handshake/handshake.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { FoundSession } from "../session/unattached-connection.ts";
import { PendingHello } from "./pending-hello.ts";
import { ControlLimit } from "./control-limit.ts";
import { helloOf } from "./hello.ts";
import type { KnownClient } from "./hello.ts";
import { NumberedConnection } from "./numbered-connection.ts";
import { NOTHING_KEPT } from "./replay.ts";
import type { ReplayStart } from "./replay.ts";

const MAX_ATTACHES = 8;

/**
 * A connection that uses `v1.wsession`. Raw connections do not use this class. To keep an idle connection small, its helper
 * objects are created at their first use, and dropped after their last use. For the same reason methods are `private` and not
 * `#`, as in the base class.
 */
export class FramedConnection<Data extends object, Socket extends object> extends NumberedConnection<
  Data,
  Socket
> {
  /**
   * How many attaches have arrived. From the second control frame until the next message: the limit of control frames, which has this
   * number too. One field for both, because each field costs memory on every connection.
   */
  #controls: ControlLimit | number = 0;
  /** The state between the first attach and its hello. */
  #pendingHello: PendingHello | undefined = undefined;

  private get attaches(): number {
    return typeof this.#controls === "number" ? this.#controls : this.#controls.attaches;
  }

  private set attaches(attaches: number) {
    if (typeof this.#controls === "number") this.#controls = attaches;
    else this.#controls.attaches = attaches;
  }

  /** Whether the latest attach was answered by a hello, with or without a session. */
  private get hasSentHello(): boolean {
    return (this.flow & Flow.HelloSent) !== 0;
  }

  // --- received frames ---

  override receive(frame: string | Uint8Array, borrowed: boolean = false): void {
    if (this.isEnding) return super.receive(frame, borrowed);
    try {
      const lead = leadOf(frame);
      if (lead === Lead.Control) this.control(String(frame));
      else {
        // No check concerns a plain message after hello, and most frames are such messages.
        const isChecked = lead === Lead.Counted || !this.hasSentHello;
        if (isChecked) this.admitMessage(frame, lead === Lead.Counted);
        if (typeof this.#controls !== "number") this.#controls = this.#controls.attaches;
        super.receive(frame, borrowed);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.binding.report(error, { stage: "client", connection: this });
      this.end(CloseCode.ProtocolError, error.message);
    }
  }

  /** Throws a ProtocolError for a frame that the client may not send yet, and for too many frames. */
  private admitMessage(frame: string | Uint8Array, isCounted: boolean): void {
    if (this.attaches === 0) throw new ProtocolError("attach is the first frame");
    const hasNamedSession = (this.flow & Flow.NamedSession) !== 0;
    if (isCounted && !hasNamedSession && !(this.hasSentHello && this.hasSession))
      throw new ProtocolError("numbered messages wait for hello");
    if (!this.hasSentHello && this.ownPendingHello().exceeds(frame))
      throw new ProtocolError("too much before hello");
    if (isCounted) this.countNumbered(frame);
  }

  private control(frame: string): void {
    const control = parseClientControl(frame);
    if (control.type !== "attach" && this.attaches === 0)
      throw new ProtocolError("attach is the first frame");
    if (control.type !== "read" && this.isTooMany(control))
      throw new ProtocolError("too many control frames");
    switch (control.type) {
      case "attach":
        this.attaches += 1;
        if (this.attaches > MAX_ATTACHES) throw new ProtocolError("too many attaches");
        if (control.fresh) this.markActive();
        if (this.attaches === 1) this.attachFirst(control);
        // Queue a further attach among the messages, because the attach starts their numbers again.
        else {
          this.onFurtherAttach();
          this.receiveQuietly(frame);
        }
        return;
      case "read":
        if (this.binding.settings.outbox.whenFull !== "refuse")
          throw new ProtocolError("no acks were asked for");
        if (!this.acknowledge(control.offset)) throw new ProtocolError("an ack of what was never sent");
        return;
      case "probe":
        this.beat();
        return;
      case "bye":
        this.flow |= Flow.LeftCleanly;
        this.endHandled(1000, "");
        return;
      case "token-kept":
      case "unknown":
    }
  }

  /** Counts a control frame. The first attach does not count, so that most connections need no limit object. */
  private isTooMany({ type }: ClientControl): boolean {
    if (type === "attach" && this.attaches === 0) return false;
    if (typeof this.#controls === "number") this.#controls = new ControlLimit(this.#controls);
    return this.#controls.isExceeded();
  }

  protected override callMessage(frame: string | Uint8Array): unknown {
    const lead = leadOf(frame);
    if (lead === Lead.Control) return this.attachAgain(String(frame));
    const message = payloadOf(frame);
    return lead === Lead.Plain ? this.callPlain(message) : this.callNumbered(message);
  }

  /** A further attach starts the numbers again, and a transaction commits the data that it read. Both run alone. */
  protected override runsAlone(frame: string | Uint8Array): boolean {
    const lead = leadOf(frame);
    return lead === Lead.Control || (lead === Lead.Counted && this.isTransactional);
  }

  protected callPlain(message: string | Uint8Array): unknown {
    return super.callMessage(message);
  }

  // --- attaching ---

  override attach(state: LocalSession<Data>, fence: number, found: FoundSession | undefined): void {
    super.attach(state, fence, found);
    if (found?.clients !== undefined && this.isTransactional) this.ownPendingHello().clients = found.clients;
    // The attach arrived before the session was set.
    const attach = this.#pendingHello?.attach;
    if (attach !== undefined) void this.greet(attach, state);
  }

  private attachFirst(attach: Attach): void {
    this.recordAttach(attach);
    if (this.state !== undefined) void this.greet(attach, this.state);
    else if (this.binding.settings.gate === "open") this.hello(attach, NOTHING_KEPT, undefined);
  }

  private attachAgain(frame: string): unknown {
    const attach = parseClientControl(frame);
    if (attach.type !== "attach") return undefined;
    this.recordAttach(attach);
    const { state } = this;
    if (this.isTransactional && state !== undefined) return this.greetAgainWithRecord(attach, state);
    this.greetAgain(attach, undefined);
    return undefined;
  }

  private async greetAgainWithRecord(attach: Attach, state: LocalSession<Data>): Promise<void> {
    await this.flushNumbers();
    const client = await this.loadClientRecord(attach, state, "unknown");
    if (!this.isEnding) this.greetAgain(attach, client);
  }

  private greetAgain(attach: Attach, client: KnownClient | undefined): void {
    const at = this.position;
    // `beginNumbers` sends postponed acks, which belong to the previous client id. Call it before hello, because after hello the
    // client would apply the acks to the new id.
    this.beginNumbers(attach, client);
    this.hello(attach, { at, last: at.offset, missed: undefined, replayed: 0 }, client);
  }

  /** Answers the first attach once the session is set: the client's position, its missed messages, and its record. */
  private async greet(attach: Attach, state: LocalSession<Data>): Promise<void> {
    this.delayMessages(true);
    try {
      const begun = await this.locate(attach, state);
      if (begun === undefined || this.isEnding) return;
      const client = this.isTransactional
        ? await this.loadClientRecord(attach, state, this.#pendingHello?.clients)
        : undefined;
      if (this.isEnding) return;
      const opened = this.#pendingHello?.opened;
      this.#pendingHello = undefined;
      this.follow(state, begun.at, this.helloFrames(attach, begun, client));
      this.beginNumbers(attach, client);
      if (this.resumed) {
        const { replayed } = begun;
        const missed = begun.missed && { from: begun.missed.from, to: begun.missed.to };
        await opened;
        await this.callResumed({ replayed, missed } satisfies ReplayEvent);
      }
    } catch (error) {
      this.failed("store", error);
    } finally {
      this.delayMessages(false);
    }
  }

  private recordAttach(attach: Attach): void {
    if (attach.session === undefined) this.flow &= ~Flow.NamedSession;
    else this.flow |= Flow.NamedSession;
    if (!this.hasSentHello || !this.hasSession) this.ownPendingHello().attach = attach;
  }

  private ownPendingHello(): PendingHello {
    return (this.#pendingHello ??= new PendingHello());
  }

  private hello(attach: Attach, begun: ReplayStart, client: KnownClient | undefined): void {
    this.sendFrames(this.helloFrames(attach, begun, client));
  }

  /** Returns hello, to be sent with other frames. A hello with a token is sent at once, uncompressed, and no frame is returned. */
  private helloFrames(
    attach: Attach,
    begun: ReplayStart,
    client: KnownClient | undefined,
  ): readonly string[] {
    this.flow |= Flow.HelloSent | Flow.HasSent;
    const { binding, state, token, resumed } = this;
    const frame = helloOf(binding, {
      state,
      token,
      resumed,
      begun,
      protocol: this.protocol,
      attach,
      client,
    });
    if (token === undefined) return [frame];
    this.transmitSecret(frame);
    return [];
  }

  protected override callOpen(handshake: Handshake): unknown {
    const opening = promiseOf(this.binding.handlers.open?.(this, handshake));
    // The lifecycle reports the rejection.
    if (opening !== undefined && this.resumed) this.ownPendingHello().opened = opening.catch(() => undefined);
    return opening;
  }

  // --- sent frames ---

  protected override transmitMessage(data: string | Uint8Array): SendOutcome {
    this.flow |= Flow.HasSent;
    const outcome = typeof data === "string" ? this.transmitWithLead(Lead.Plain, data) : undefined;
    return outcome ?? this.transmit(writePlain(data));
  }

  override onRenewed({ token, renewalCode }: Renewal): void {
    if (this.isEnding || this.attaches === 0) return;
    const usesCookie = this.binding.settings.token?.write !== undefined;
    const secret = usesCookie ? { token: undefined, renewalCode } : { token, renewalCode: undefined };
    this.flow |= Flow.HasSent;
    this.transmitSecret(writeServerControl({ type: "notice", ...secret }));
  }

  override get canMove(): boolean {
    return true;
  }

  override announceEnd(ms: number): boolean {
    if (!this.hasSentHello) return this.isEnding;
    this.sendFrame(writeServerControl({ type: "going-away", ms: Math.ceil(ms) }));
    return true;
  }

  override heartbeat(): void {
    super.heartbeat();
    if ((this.flow & Flow.HasSent) === 0 && this.hasSentHello) this.beat();
    this.flow &= ~Flow.HasSent;
  }

  private beat(): void {
    this.sendFrame(writeServerControl({ type: "beat", ...this.position }));
  }
}
