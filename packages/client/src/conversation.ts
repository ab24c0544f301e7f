/** One connection that speaks v1.wsession: what is sent when, and what each frame of the server does. */
import {
  EARLY_BYTES,
  EARLY_MESSAGES,
  Lead,
  leadOf,
  parseKept,
  parseServerControl,
  payloadOf,
  ProtocolError,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
  writeClientControl,
  writeCounted,
} from "@wsession/protocol";
import type { Attach, Hello, Position, ServerControl } from "@wsession/protocol";
import { clientError } from "./client-error.ts";
import type { Link } from "./link.ts";
import { ReadReports } from "./read-reports.ts";
import type { Numbered, Stream } from "./outgoing.ts";
import { failure, refusal } from "./outgoing.ts";
import type { Page, Speaker } from "./page.ts";

/** A server closes a connection that attaches more often. */
const MAX_ATTACHES = 8;

export class Conversation implements Speaker {
  readonly link: Link;
  readonly #page: Page;
  readonly #reports: ReadReports;
  #stream: Stream;
  /** The number of the next counted frame; NaN: an attach has to come first. */
  #next = Number.NaN;
  #attaches = 0;
  #hello: Hello | undefined;
  /** Whether the latest attach was answered. */
  #isGreeted = false;
  /** The session that the latest attach named: numbered messages need not wait for its answer. */
  #named: string | undefined;
  #hasProgress = false;
  isBehind = false;

  constructor(link: Link, page: Page) {
    this.link = link;
    this.#page = page;
    this.#reports = new ReadReports(link);
    this.#stream = page.outgoing.current;
    page.reader = this;
    const { session, at, witness } = page.standing;
    const where = session === undefined ? {} : { at, witness };
    this.#attach(this.#stream.waiting[0]?.number ?? this.#stream.next, { ...where, fresh: page.isFresh });
    this.pump();
  }

  pump(): void {
    const { outgoing } = this.#page;
    const stream = outgoing.current;
    if (stream !== this.#stream) {
      this.#stream = stream;
      this.#next = Number.NaN;
    }
    this.#rejectTooLarge(stream);
    for (const entry of stream.waiting) {
      if (entry.number < this.#next) continue;
      if (entry.number !== this.#next && !this.#attach(entry.number)) return;
      if (!this.#mayCount(entry) || !this.link.send(writeCounted(entry.message))) return;
      entry.sentIn ??= this;
      this.#next += 1;
    }
  }

  /** Throws ProtocolError. */
  received(frame: string | Uint8Array): void {
    const lead = leadOf(frame);
    if (lead === Lead.Counted) this.#onKept(frame);
    else if (lead === Lead.Control) this.#onControl(parseServerControl(String(frame)));
    else
      this.#page.listeners.emit("message", {
        data: own(payloadOf(frame)),
        offset: undefined,
        replayed: false,
      });
  }

  /** The connection has ended. Whoever was first in line, and got no further, has one attempt less. */
  ended(code: number, attempts: number): void {
    const sent = this.#stream.waiting.filter(({ number }) => number < this.#next);
    const [head] = sent;
    if (head === undefined) return;
    // The server says not which message it found too long.
    const largest = sent.reduce((one, other) => (other.bytes > one.bytes ? other : one));
    if (!this.#hasProgress) head.failures += 1;
    this.#page.outgoing.settle(this.#stream, (entry) => {
      if (code === 1009 && entry === largest)
        return failure("TOO_LARGE", "longer than the server allows", entry);
      return entry.failures < attempts ? null : failure("UNKNOWN", "no connection got further", entry);
    });
  }

  /** False: not now. What comes in the meantime waits. */
  #attach(from: number, first?: Partial<Attach>): boolean {
    if (first === undefined && !this.#isGreeted) return false;
    if (this.#attaches === MAX_ATTACHES) {
      this.#page.handOver(0);
      return false;
    }
    const { client, session, known, waiting } = this.#stream;
    this.#attaches += 1;
    this.#next = from;
    this.#isGreeted = false;
    this.#named = session;
    return this.link.send(
      writeClientControl({
        type: "attach",
        client,
        session,
        from,
        known,
        mark: waiting[0]?.mark ?? this.#page.standing.mark,
        at: undefined,
        witness: undefined,
        fresh: false,
        ...first,
      }),
    );
  }

  #mayCount({ bytes }: Numbered): boolean {
    const unsettled = this.#stream.waiting.filter(({ number }) => number < this.#next);
    const total = unsettled.reduce((sum, entry) => sum + entry.bytes, bytes);
    if (!this.#isGreeted)
      return this.#named !== undefined && unsettled.length < EARLY_MESSAGES && total <= EARLY_BYTES;
    if (this.#hello?.session === undefined || unsettled.length >= WINDOW_MESSAGES) return false;
    // One that is longer than the window goes alone.
    return total <= WINDOW_BYTES || unsettled.length === 0;
  }

  #rejectTooLarge(stream: Stream): void {
    const { maxMessage, outgoing } = this.#page;
    outgoing.settle(stream, (entry) =>
      // One byte is the frame's lead.
      entry.bytes < maxMessage ? null : failure("TOO_LARGE", "longer than the server allows", entry),
    );
  }

  #onKept(frame: string | Uint8Array): void {
    const { listeners, standing } = this.#page;
    const { chain, message } = parseKept(frame);
    if (this.#hello === undefined || standing.at === undefined)
      throw new ProtocolError("a kept message comes after hello");
    if (this.#page.reader !== this) return;
    if (!listeners.hasMessageListener) this.isBehind = true;
    if (this.isBehind) return;
    const offset = standing.at.offset + 1;
    listeners.emit("message", { data: own(message), offset, replayed: offset <= (this.#hello.last ?? 0) });
    // Only now: a page that reloads while a listener runs gets the message again.
    this.#moveTo({ offset, chain });
    if (this.#hello.acks) this.#reports.add(offset, message.length);
  }

  #moveTo(at: Position, witness: Position | undefined = this.#page.standing.witness): void {
    if (this.#page.reader !== this || this.isBehind) return;
    this.#page.standing = {
      ...this.#page.standing,
      at,
      witness: witness !== undefined && witness.offset > at.offset ? witness : undefined,
    };
    this.#page.save();
  }

  #onControl(control: ServerControl): void {
    const { listeners, standing } = this.#page;
    const stream = this.#stream;
    switch (control.type) {
      case "hello":
        this.#onHello(control);
        break;
      case "applied":
        this.#onSettled(control.number, () => undefined);
        break;
      case "refused": {
        const { number, code, message, detail } = control;
        this.#onSettled(number, (entry) =>
          entry.number === number ? refusal(code, message, detail) : undefined,
        );
        break;
      }
      case "jump":
        if (standing.at !== undefined)
          this.#moveTo({ offset: standing.at.offset + control.count, chain: control.chain }, control.witness);
        break;
      case "missed":
        this.#onMissed(control);
        this.#moveTo({ offset: control.to, chain: control.chain });
        break;
      case "behind":
        if (control.number < stream.known) {
          listeners.emit("rolledBack", { from: control.number + 1, to: stream.known });
          stream.known = control.number;
        }
        break;
      case "forgotten":
        this.#onForgotten(control.mark);
        break;
      case "notice":
        if (control.token !== undefined)
          this.#page.renewToken(control.token, () => {
            this.link.send(writeClientControl({ type: "token-kept" }));
          });
        if (control.renewalCode !== undefined) this.#page.handOver(0, control.renewalCode);
        break;
      case "going-away":
        this.#page.handOver(control.ms);
        break;
      case "beat":
      case "unknown":
        break;
    }
  }

  #onMissed({
    from,
    to,
    certain,
  }: {
    readonly from: number;
    readonly to: number;
    readonly certain: boolean;
  }): void {
    if (this.#page.reader !== this || this.isBehind) return;
    if (!certain) this.#page.standing = { ...this.#page.standing, witness: undefined };
    this.#page.listeners.emit("missed", { from, to, certain });
  }

  #onSettled(number: number, errorOf: (entry: Numbered) => unknown): void {
    // Else a server that is wrong would settle what it was never sent.
    if (number >= this.#next) throw new ProtocolError("a number is settled that was not sent");
    if (this.#hello?.mode === "transaction") this.#stream.known = Math.max(this.#stream.known, number);
    this.#hasProgress = true;
    this.#page.outgoing.applied(this.#stream, number, errorOf);
    this.pump();
  }

  /** The record of these numbers is gone: what an earlier connection, or a copy of this page, may have sent is unknown. */
  #onForgotten(mark: number): void {
    const stream = this.#stream;
    this.#page.outgoing.settle(stream, (entry) => {
      const isSentEarlier = entry.sentIn !== undefined && entry.sentIn !== this;
      const isStored = this.#page.isStored && entry.mark !== mark;
      return isSentEarlier || isStored
        ? clientError("UNKNOWN", "the server has forgotten what it handled", "unknown")
        : null;
    });
    for (const entry of stream.waiting) entry.mark = mark;
    this.#page.standing = { ...this.#page.standing, mark };
    stream.known = 0;
    this.#attach(stream.waiting[0]?.number ?? stream.next);
    this.pump();
  }

  #onHello(hello: Hello): void {
    const { outgoing, standing } = this.#page;
    const { session, mark, settled, refused, floor, at, missed } = hello;
    this.#hello = hello;
    this.#isGreeted = true;
    if (session !== undefined) {
      for (const stream of outgoing.streams)
        if (stream.session !== undefined && stream.session !== session) outgoing.lose(stream);
      outgoing.own.session = hello.lasting ? session : undefined;
      for (const entry of outgoing.own.waiting) entry.mark ??= mark;
      const stream = this.#stream;
      if (hello.record) {
        const isUnsent = ({ number, sentIn }: Numbered) => number <= settled && sentIn === undefined;
        if (stream.waiting.some(isUnsent)) throw new ProtocolError("a number is settled that was not sent");
        outgoing.applied(stream, settled, (entry) => {
          this.#hasProgress = true;
          if (entry.number < floor) return failure("UNKNOWN", "the server does not remember it", entry);
          return refused.includes(entry.number)
            ? refusal("REFUSED", "refused; the connection was lost before the reason came", undefined)
            : undefined;
        });
      }
      stream.known = hello.record ? settled : 0;
      const isSame = standing.session === session;
      if (this.#page.reader === this && !this.isBehind)
        this.#page.standing = {
          session: hello.lasting ? session : undefined,
          mark,
          at,
          witness: isSame ? standing.witness : undefined,
        };
    }
    this.#page.greeted(this, hello);
    if (missed !== undefined) this.#onMissed(missed);
    this.pump();
  }
}

/** Bytes of its own: a frame's payload does not begin where typed arrays of larger elements may. */
function own(message: string | Uint8Array): string | Uint8Array {
  return typeof message === "string" ? message : message.slice();
}
