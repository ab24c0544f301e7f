import type { Attach, Position } from "@wsession/protocol";
import { LiveConnection } from "../connection/connection.ts";
import { Flow } from "../connection/flow.ts";
import { BEGINNING, isSame } from "../session/kept-run.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import { NOTHING_KEPT, Replay } from "./replay.ts";
import type { Begun, ReplayOutlet } from "./replay.ts";

/**
 * A connection's place in the outbox of its session. As long as nothing was kept since the client had everything, the place is a
 * position alone: a `Replay` costs 128 bytes, and most connections that are live need none.
 */
export abstract class FollowingConnection<
  Data extends object,
  Transport,
  Unset extends undefined,
  Socket extends object,
>
  extends LiveConnection<Data, Transport, Unset, Socket>
  implements ReplayOutlet
{
  /** Where the outbox ended at the handshake; with `Flow.Following`, where the client stands until there is a replay. */
  #place: Position = BEGINNING;
  /** Of a client that missed something, confirms what it read, or was sent a kept message. */
  #replay: Replay<Data> | undefined = undefined;

  get maxBufferedBytes(): number {
    return this.context.settings.maxBufferedBytes;
  }

  override attach(state: LocalSession<Data>, fence: number, outbox?: Position): void {
    this.#place = outbox ?? BEGINNING;
    super.attach(state, fence, outbox);
  }

  /** Where the client stands; the beginning while that is not known. */
  protected get position(): Position {
    if (this.#replay !== undefined) return this.#replay.position;
    return (this.flow & Flow.Following) === 0 ? BEGINNING : this.#place;
  }

  /** Finds out what the client missed. Nothing is sent before `follow`. */
  protected async locate(attach: Attach, state: LocalSession<Data>): Promise<Begun> {
    const { outboxes, settings } = state.context;
    if (!outboxes.areKept) return NOTHING_KEPT;
    const reader = settings.outbox.whenFull === "refuse" ? attach.client : undefined;
    // A position is one in the outbox of a session: in another one it means nothing.
    const isOwn = attach.session === state.id && attach.at !== undefined;
    const from = isOwn ? attach.at : this.#place;
    const witness = isOwn ? attach.witness : undefined;
    const end = outboxes.endOf(state);
    const isCurrent = isSame(from, end) && witness === undefined && reader === undefined;
    // The stream's own object, because the connection would keep a copy of 32 bytes.
    if (isCurrent) return { at: end, last: end.offset, missed: undefined, replayed: 0 };
    this.#replay = new Replay<Data>(this, state, from, reader);
    return this.#replay.begin(witness);
  }

  /** Sends what was found, and then what is kept from here on. `at`: where the client stands. */
  protected follow(state: LocalSession<Data>, at: Position): void {
    const { outboxes } = state.context;
    if (!outboxes.areKept) return;
    this.flow |= Flow.Following;
    this.#place = at;
    if (this.#replay === undefined && isSame(at, outboxes.endOf(state))) return;
    // Without one, more was kept since the client was found to have everything.
    this.#replay ??= new Replay<Data>(this, state, at, undefined);
    this.#replay.go();
  }

  override onKept(run: KeptRun): void {
    const { state } = this;
    if ((this.flow & Flow.Following) === 0 || state === undefined) return;
    if (this.#replay === undefined) {
      this.#replay = new Replay<Data>(this, state, this.#place, undefined);
      this.#replay.goLive();
    }
    this.#replay.onKept(run);
  }

  /** The client has read up to `offset`. False: that was never sent. */
  protected acknowledge(offset: number): boolean {
    return this.#replay?.ack(offset) === true;
  }

  sendFrame(frame: string | Uint8Array): void {
    if (this.isEnding) return;
    this.flow |= Flow.HasSent;
    this.transmit(frame);
  }

  sendFrames(frames: ReadonlyArray<string | Uint8Array>): void {
    if (this.isEnding || frames.length === 0) return;
    this.flow |= Flow.HasSent;
    this.transmitAll(frames);
  }

  replayFailed(error: unknown): void {
    this.failed("store", error);
  }

  override drained(): void {
    super.drained();
    this.#replay?.onDrained();
  }

  protected override notifyClosed(): void {
    super.notifyClosed();
    this.#replay?.onDrained();
  }
}
