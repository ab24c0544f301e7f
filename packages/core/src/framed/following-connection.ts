import type { Attach, Position } from "@wsession/protocol";
import type { Deadlines } from "../base/deadlines.ts";
import { LiveConnection } from "../connection/connection.ts";
import { Flow } from "../connection/flow.ts";
import { BEGINNING, isSamePosition } from "../session/kept-run.ts";
import type { KeptRun } from "../session/kept-run.ts";
import type { LocalSession } from "../session/local-session.ts";
import type { FoundSession } from "../session/unattached-connection.ts";
import { NOTHING_KEPT, Replay } from "./replay.ts";
import type { ReplayStart, ReplayConnection } from "./replay.ts";

/** The connection inside `inOneWrite`, with its gathered frames. Not a field, because a field costs each connection memory. */
let gathering: { readonly by: object; readonly frames: (string | Uint8Array)[] } | undefined;

/**
 * A connection that sends the kept messages of its session. As long as the client is up to date and no message was kept since, the
 * connection stores only a position. A `Replay` costs 128 bytes, and most live connections do not need one.
 */
export abstract class FollowingConnection<Data extends object, Socket extends object>
  extends LiveConnection<Data, Socket>
  implements ReplayConnection
{
  /**
   * The end of the outbox at the handshake. Once `Flow.Following` is set: the client's position. Once the client missed messages, has to
   * send acks, or received a kept message: its replay, which has the position. One field, because each costs every connection memory.
   */
  #place: Position | Replay<Data> = BEGINNING;

  get maxBufferedBytes(): number {
    return this.binding.settings.maxBufferedBytes;
  }

  get deadlines(): Deadlines {
    return this.binding.deadlines;
  }

  override attach(state: LocalSession<Data>, fence: number, found: FoundSession | undefined): void {
    this.#place = found?.outbox ?? BEGINNING;
    super.attach(state, fence, found);
  }

  /** The client's position in the outbox. The beginning while the position is unknown. */
  protected get position(): Position {
    const isKnown = this.replay !== undefined || (this.flow & Flow.Following) !== 0;
    return isKnown ? this.storedPosition : BEGINNING;
  }

  private get replay(): Replay<Data> | undefined {
    return this.#place instanceof Replay ? this.#place : undefined;
  }

  private get storedPosition(): Position {
    return this.#place instanceof Replay ? this.#place.position : this.#place;
  }

  /** Determines which messages the client missed. `follow` sends them. Resolves with `undefined` if the connection ended meanwhile. */
  protected async locate(attach: Attach, state: LocalSession<Data>): Promise<ReplayStart | undefined> {
    const { outboxes, settings } = state.context;
    if (!outboxes.areKept) return NOTHING_KEPT;
    const reader = settings.outbox.whenFull === "refuse" ? attach.client : undefined;
    // A position is valid for one session only: the outbox of another session has other messages at that offset.
    const isOwn = attach.session === state.id && attach.at !== undefined;
    const from = isOwn ? attach.at : this.storedPosition;
    const witness = isOwn ? attach.witness : undefined;
    const end = outboxes.endOf(state);
    const isCurrent = isSamePosition(from, end) && witness === undefined && reader === undefined;
    // Share the stream's object: a copy would cost 32 bytes for each connection.
    if (isCurrent) return { at: end, last: end.offset, missed: undefined, replayed: 0 };
    const replay = new Replay<Data>(this, state, from, reader);
    this.#place = replay;
    return replay.begin(witness);
  }

  /** Sends `first`, then the missed messages, then each new message. `at` is the client's position. */
  protected follow(state: LocalSession<Data>, at: Position, first: readonly string[]): void {
    const { outboxes } = state.context;
    if (!outboxes.areKept) return this.sendFrames(first);
    this.flow |= Flow.Following;
    if (this.replay === undefined) {
      this.#place = at;
      if (isSamePosition(at, outboxes.endOf(state))) return this.sendFrames(first);
    }
    // There is no replay if the client was up to date at first, and a message was kept after that.
    this.ownReplay(state).start(first);
  }

  private ownReplay(state: LocalSession<Data>): Replay<Data> {
    if (this.#place instanceof Replay) return this.#place;
    return (this.#place = new Replay<Data>(this, state, this.#place, undefined));
  }

  override onKept(run: KeptRun, isAgain: boolean): void {
    const { state } = this;
    if ((this.flow & Flow.Following) === 0 || state === undefined) return;
    if (this.replay === undefined) this.ownReplay(state).startLive();
    this.replay?.onKept(run, isAgain);
  }

  /** The client confirms that it has read up to `offset`. Returns false if that offset was never sent. */
  protected acknowledge(offset: number): boolean {
    return this.replay?.ack(offset) === true;
  }

  /** Sends the frames that `task` sends as one write: each write is a system call. `task` must be synchronous. */
  inOneWrite(task: () => void): void {
    const frames: (string | Uint8Array)[] = [];
    const outer = gathering;
    gathering = { by: this, frames };
    try {
      task();
    } finally {
      gathering = outer;
      this.sendFrames(frames);
    }
  }

  sendFrame(frame: string | Uint8Array): void {
    if (gathering?.by === this) return void gathering.frames.push(frame);
    if (this.isEnding) return;
    this.flow |= Flow.HasSent;
    this.transmit(frame);
  }

  sendFrames(frames: ReadonlyArray<string | Uint8Array>): void {
    if (gathering?.by === this) return void gathering.frames.push(...frames);
    if (this.isEnding || frames.length === 0) return;
    this.flow |= Flow.HasSent;
    this.transmitAll(frames);
  }

  replayFailed(error: unknown): void {
    this.failed("store", error);
  }

  override drained(): void {
    super.drained();
    this.replay?.onDrained();
  }

  protected override notifyClosed(): void {
    super.notifyClosed();
    this.replay?.onDrained();
  }
}
