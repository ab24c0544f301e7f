/**
 * The client's side of v1.wsession on one connection: decides when to send which frame, and handles each frame of the server. The
 * client's part in I16 and I19.
 */
import {
  CONTROL,
  COUNTED,
  EARLY_BYTES,
  EARLY_MESSAGES,
  leadOf,
  parseKept,
  parseServerControl,
  payloadOf,
  ProtocolError,
  TOKEN_KEPT,
  WINDOW_BYTES,
  WINDOW_MESSAGES,
  writeAttach,
  writeCounted,
  writeRead,
} from "@wsession/protocol";
import type { Attach, Hello, Missed, Position, ServerControl } from "@wsession/protocol";
import { startTimer } from "./environment.ts";
import type { QueuedMessage } from "./outgoing.ts";
import { failure, refusal } from "./outgoing.ts";
import type { Page } from "./page.ts";
import type { Conversation } from "./conversation-contract.ts";

/** A server closes a connection that attaches more often. */
const MAX_ATTACHES = 8;
/** The messages, the bytes and the milliseconds after which the client confirms what it has read, if hello requests acks. */
const READ_MESSAGES = 32;
const READ_BYTES = 65_536;
const READ_MS = 1_000;

const unsentSettled = (): ProtocolError => new ProtocolError("settled before sent");

/** @param send returns false if the connection has ended */
export function converse(
  send: (frame: string | Uint8Array) => boolean,
  page: Page,
  attempts: number,
): Conversation {
  const { outgoing, listeners, state } = page;
  let stream = outgoing.current();
  /** The number of the next counted frame; NaN if the client has to attach first. */
  let next = Number.NaN;
  let attaches = 0;
  let hello: Hello | undefined;
  /** Whether the latest attach was answered. */
  let hasHello = false;
  /** The stream of the latest attach that was answered. */
  let answered = stream;
  /**
   * The messages that were sent here and that the server has not settled here. An earlier connection may have settled them, but this
   * server still counts them against its limits.
   */
  let inFlight: QueuedMessage[] = [];
  let hasProgress = false;
  let isBehind = false;
  let unread = 0;
  let unreadBytes = 0;

  const firstNumber = (): number => stream.waiting[0]?.number ?? stream.next;
  /** Whether this conversation may move the position. */
  const isReading = (): boolean => page.reader === conversation && !isBehind;

  const attach = (from: number, first?: Partial<Attach>): void => {
    // Send no second attach before the first is answered. Messages after it wait too.
    if (first === undefined && !hasHello) return;
    if (attaches++ >= MAX_ATTACHES) return page.reconnect(0);
    next = from;
    hasHello = false;
    const { client, session, known, waiting } = stream;
    const mark = waiting[0]?.mark ?? state.mark;
    send(writeAttach({ client, session, from, known, mark, ...first }));
  };

  const maySend = ({ bytes }: QueuedMessage): boolean => {
    const total = inFlight.reduce((sum, entry) => sum + entry.bytes, bytes);
    // Before hello send only messages for the session that attach named.
    if (!hasHello)
      return stream.session !== undefined && inFlight.length < EARLY_MESSAGES && total <= EARLY_BYTES;
    // A message that is longer than the window is sent alone.
    return (
      hello?.session !== undefined &&
      inFlight.length < WINDOW_MESSAGES &&
      (total <= WINDOW_BYTES || inFlight.length === 0)
    );
  };

  const flush = (): void => {
    // Wait until the server has settled all messages here, because an ack does not name the stream of its numbers.
    if (hasHello && inFlight.length === 0 && stream !== outgoing.current()) {
      stream = outgoing.current();
      next = Number.NaN;
    }
    // One byte is the frame's lead.
    outgoing.settle(stream, (entry) => (entry.bytes < page.maxMessage ? null : failure("TOO_LARGE", entry)));
    for (const entry of stream.waiting) {
      if (entry.number < next) continue;
      if (entry.number !== next) attach(entry.number);
      if (entry.number !== next || !maySend(entry) || !send(writeCounted(entry.message))) return;
      entry.sentIn ??= conversation;
      inFlight.push(entry);
      next += 1;
    }
  };

  const moveTo = (at: Position, witness = state.witness): void => {
    if (!isReading()) return;
    state.at = at;
    state.witness = witness !== undefined && witness.offset > at.offset ? witness : undefined;
    page.save();
  };

  const sendAck = (): void => {
    if (unread > 0 && state.at !== undefined) send(writeRead(state.at.offset));
    unread = unreadBytes = 0;
  };

  const onKept = (frame: string | Uint8Array): void => {
    const { chain, message } = parseKept(frame);
    if (hello === undefined || state.at === undefined) throw new ProtocolError("kept before hello");
    isBehind ||= !listeners.hasListener();
    if (!isReading()) return;
    const offset = state.at.offset + 1;
    const replayed = offset <= (hello.last ?? 0);
    listeners.emit("message", { data: message.slice(), offset, replayed });
    // Move the position after the listeners, so that a page that reloads during a listener gets the message again.
    moveTo({ offset, chain });
    if (!hello.acks) return;
    unreadBytes += message.length;
    if (++unread === READ_MESSAGES || unreadBytes >= READ_BYTES) sendAck();
    else if (unread === 1) startTimer(READ_MS, sendAck);
  };

  const onMissed = ({ from, to, certain }: Missed): void => {
    if (!isReading()) return;
    if (!certain) state.witness = undefined;
    listeners.emit("missed", { from, to, certain });
  };

  /** Settles all messages up to `number`. A message is applied, unless `errorOf` returns an error for it. */
  const settle = (number: number, errorOf?: (entry: QueuedMessage) => unknown): void => {
    hasProgress ||= firstNumber() <= number;
    const isLater = (entry: QueuedMessage): boolean => entry.number > number;
    inFlight = inFlight.filter(isLater);
    outgoing.settle(stream, (entry) => {
      if (isLater(entry)) return null;
      // Without this check a faulty server could settle a message that was never sent.
      if (entry.sentIn === undefined) throw unsentSettled();
      return errorOf?.(entry);
    });
  };

  const onSettled = (number: number, error?: Error): void => {
    // The server acknowledges also what its hello has settled. Such an ack can come after the attach of the next stream.
    if (stream !== answered) return;
    if (number >= next) throw unsentSettled();
    settle(number, (entry) => (entry.number === number ? error : undefined));
    if (hello?.mode === "transaction") stream.known = Math.max(stream.known, number);
    flush();
  };

  /**
   * The server's record is gone: the outcome of messages that an earlier connection or a copy of this page may have sent is
   * unknown.
   */
  const onForgotten = (mark: number): void => {
    outgoing.settle(stream, (entry) => {
      const isSentEarlier = entry.sentIn !== undefined && entry.sentIn !== conversation;
      if (!isSentEarlier && (!page.isStored || entry.mark === mark)) return null;
      entry.sentIn ??= true;
      return failure("UNKNOWN", entry);
    });
    for (const entry of stream.waiting) entry.mark = mark;
    state.mark = mark;
    stream.known = 0;
    inFlight = [];
    attach(firstNumber());
    flush();
  };

  const onHello = (answer: Hello): void => {
    const { session, mark, settled, refused, floor, at, missed, lasting } = answer;
    hello = answer;
    hasHello = true;
    answered = stream;
    if (session !== undefined) {
      // The server discards messages for another session.
      if (session !== stream.session) inFlight = [];
      for (const one of outgoing.streams())
        if (one.session !== undefined && one.session !== session) outgoing.endSession(one);
      const kept = lasting ? session : undefined;
      outgoing.own.session = kept;
      for (const entry of outgoing.own.waiting) entry.mark ??= mark;
      stream.known = answer.record ? settled : 0;
      if (answer.record)
        settle(settled, (entry) =>
          entry.number < floor
            ? failure("UNKNOWN", entry)
            : refused.includes(entry.number)
              ? refusal("REFUSED")
              : undefined,
        );
      if (isReading()) {
        if (state.session !== kept) state.witness = undefined;
        state.session = kept;
        state.mark = mark;
        moveTo(at);
      }
    }
    page.onHello(conversation, answer);
    if (missed !== undefined) onMissed(missed);
    flush();
  };

  const onControl = (control: ServerControl): void => {
    switch (control.type) {
      case "hello":
        return onHello(control);
      case "applied":
        return onSettled(control.number);
      case "refused":
        return onSettled(control.number, refusal(control.code, control.message, control.detail));
      case "jump":
        if (state.at !== undefined)
          moveTo({ offset: state.at.offset + control.count, chain: control.chain }, control.witness);
        return;
      case "missed":
        onMissed(control);
        return moveTo({ offset: control.to, chain: control.chain });
      case "behind":
        if (control.number < stream.known)
          listeners.emit("rolledBack", { from: control.number + 1, to: stream.known });
        stream.known = Math.min(stream.known, control.number);
        // The server settles no message until the client has attached again, so no message is in flight here any more. The server
        // may not have answered the messages whose numbers it lost.
        inFlight = [];
        attach(firstNumber());
        return flush();
      case "forgotten":
        return onForgotten(control.mark);
      case "notice":
        if (control.token !== undefined) page.renewToken(control.token, () => send(TOKEN_KEPT));
        if (control.renewalCode !== undefined) page.reconnect(0, control.renewalCode);
        return;
      case "going-away":
        return page.reconnect(control.ms);
      case "beat":
      case "unknown":
    }
  };

  const conversation: Conversation = {
    isBehind: () => isBehind,
    flush,
    received(frame) {
      const lead = leadOf(frame);
      if (lead === COUNTED) onKept(frame);
      else if (lead === CONTROL) onControl(parseServerControl(String(frame)));
      // Copy the bytes: the payload starts at an odd address, where a typed array of larger elements can't start.
      else listeners.emit("message", { data: payloadOf(frame).slice(), offset: undefined, replayed: false });
    },
    ended(code) {
      const [head] = inFlight;
      // A server that is busy, or whose store is away, closes with 4503 before hello. The message did not cause that.
      const isRefused = code === 4503 && hello === undefined;
      if (head !== undefined && !hasProgress && !isRefused) head.failures += 1;
      // The close code 1009 does not show which message was too long.
      const most = Math.max(...inFlight.map(({ bytes }) => bytes));
      outgoing.settle(stream, (entry) => {
        if (code === 1009 && entry.bytes === most) return failure("TOO_LARGE", entry);
        return entry.failures < attempts ? null : failure("UNKNOWN", entry);
      });
    },
  };

  page.reader = conversation;
  const { session, at, witness } = state;
  attach(firstNumber(), { fresh: page.isFresh, ...(session !== undefined && { at, witness }) });
  flush();
  return conversation;
}
