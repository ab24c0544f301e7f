import { mixChain } from "@wsession/protocol";
import type { Chain, Position } from "@wsession/protocol";
import type {
  AppendResult,
  OutboxAppend,
  OutboxBounds,
  OutboxMessage,
  ReadRequest,
  ReadResult,
} from "./outbox-contract.ts";

/** One offset. All entries have the same shape, also those without a message, so that V8 keeps them small. */
interface Entry {
  readonly chain: Chain;
  data: string | Uint8Array | undefined;
  isReplaced: boolean;
  bytes: number;
  readonly key: string | undefined;
  readonly hasTtl: boolean;
  /** By the process's monotonic clock, milliseconds. */
  readonly until: number;
}

interface Reader {
  readonly offset: number;
  readonly until: number;
}

export type Appended = Extract<AppendResult, { type: "appended" | "full" }>;

const MAX_READERS = 8;

/** The outbox of one session in mapStore. `OutboxMethods` specifies each step. */
export class MapOutbox {
  /** Offset and chain of the newest entry that was ever appended. */
  #last = 0;
  #chain: Chain = 0;
  /** The chain of the offset before the first entry. */
  #baseChain: Chain = 0;
  #entries: Entry[] = [];
  #bytes = 0;
  readonly #offsets = new Map<string, number>();
  readonly #readers = new Map<string, Reader>();

  get end(): Position {
    return { offset: this.#last, chain: this.#chain };
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The bytes of all kept messages. */
  get bytes(): number {
    return this.#bytes;
  }

  append({ messages, bounds }: OutboxAppend, now: number): Appended {
    this.dropOld(now);
    if (bounds.whenFull === "refuse" && !this.#makeRoom(messages, bounds, now)) return { type: "full" };
    const offset = this.#last + 1;
    const before = this.#chain;
    const chains = messages.map((message) => this.#push(message, bounds, now));
    if (bounds.whenFull === "drop-oldest") while (this.#exceeds(bounds, 0, 0)) this.dropFirst();
    return { type: "appended", offset, before, chains };
  }

  read({ from, witness, maxBytes, reader }: Omit<ReadRequest, "id">, now: number): ReadResult {
    this.dropOld(now);
    const base = this.#last - this.#entries.length;
    const isReset = this.#differs(from) || (witness !== undefined && this.#differs(witness));
    const isBehind = from.offset < base;
    const start = isReset || isBehind ? { offset: base, chain: this.#baseChain } : from;
    const missed =
      isReset || isBehind ? { from: isReset ? 1 : from.offset + 1, to: base, certain: false } : undefined;
    // Do not use `from`: a client may claim any position, and messages that it never got would be dropped as read.
    if (reader !== undefined) this.#recordReader(reader.name, start.offset, now + reader.maxAgeMs);
    return { type: "read", missed, start, entries: this.#after(start.offset, maxBytes, now), end: this.end };
  }

  /** Drops all kept messages. Offsets continue. */
  clear(): void {
    while (this.#entries.length > 0) this.dropFirst();
    this.#readers.clear();
  }

  /** Drops the entries past their age, with all entries before them. */
  dropOld(now: number): void {
    let old = 0;
    for (let index = 0; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry === undefined || entry.until > now) break;
      if (!entry.hasTtl) old = index + 1;
    }
    for (; old > 0; old -= 1) this.dropFirst();
  }

  dropFirst(): void {
    const entry = this.#entries.shift();
    if (entry === undefined) return;
    this.#baseChain = entry.chain;
    this.#bytes -= entry.bytes;
    const { key } = entry;
    if (key !== undefined && this.#offsets.get(key) === this.#last - this.#entries.length)
      this.#offsets.delete(key);
  }

  #push({ data, mark, key, ttlMs }: OutboxMessage, bounds: OutboxBounds, now: number): Chain {
    const chain = mixChain(this.#chain, mark);
    this.#last += 1;
    this.#chain = chain;
    const bytes = bytesOf(data);
    const until = now + Math.min(ttlMs ?? Infinity, bounds.maxAgeMs);
    this.#entries.push({ chain, data, isReplaced: false, bytes, key, hasTtl: ttlMs !== undefined, until });
    this.#bytes += bytes;
    if (key !== undefined) {
      this.#replace(this.#offsets.get(key));
      this.#offsets.set(key, this.#last);
    }
    return chain;
  }

  #replace(offset: number | undefined): void {
    const entry = offset === undefined ? undefined : this.#at(offset);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes;
    entry.bytes = 0;
    entry.data = undefined;
    entry.isReplaced = true;
  }

  #at(offset: number): Entry | undefined {
    return this.#entries[offset - 1 - (this.#last - this.#entries.length)];
  }

  #exceeds({ maxMessages, maxBytes }: OutboxBounds, messages: number, bytes: number): boolean {
    const isEmpty = this.#entries.length === 0 && messages === 0;
    return !isEmpty && (this.#entries.length + messages > maxMessages || this.#bytes + bytes > maxBytes);
  }

  #makeRoom(messages: readonly OutboxMessage[], bounds: OutboxBounds, now: number): boolean {
    const bytes = messages.reduce((sum, { data }) => sum + bytesOf(data), 0);
    const read = this.#readByAll(now);
    while (this.#exceeds(bounds, messages.length, bytes)) {
      const [first] = this.#entries;
      if (first === undefined) return false;
      const offset = this.#last - this.#entries.length + 1;
      if (dataOf(first, now) !== undefined && offset > read) return false;
      this.dropFirst();
    }
    return true;
  }

  /** The offset up to which all readers have the messages; 0 without a reader. */
  #readByAll(now: number): number {
    let least = Infinity;
    for (const [name, reader] of this.#readers) {
      if (reader.until <= now) this.#readers.delete(name);
      else least = Math.min(least, reader.offset);
    }
    return least === Infinity ? 0 : least;
  }

  #recordReader(name: string, offset: number, until: number): void {
    // Ordered by the last call, so that the first reader is the one to drop.
    this.#readers.delete(name);
    this.#readers.set(name, { offset, until });
    if (this.#readers.size <= MAX_READERS) return;
    for (const oldest of this.#readers.keys()) {
      this.#readers.delete(oldest);
      return;
    }
  }

  /** Whether the position contradicts this outbox. A position before all kept messages can't be compared. */
  #differs({ offset, chain }: Position): boolean {
    const base = this.#last - this.#entries.length;
    if (offset > this.#last) return true;
    if (offset < base) return false;
    return chain !== (offset === base ? this.#baseChain : this.#at(offset)?.chain);
  }

  #after(offset: number, maxBytes: number, now: number): Extract<ReadResult, { type: "read" }>["entries"] {
    const entries = [];
    if (maxBytes <= 0) return [];
    let bytes = 0;
    for (let next = offset + 1; next <= this.#last && bytes < maxBytes; next += 1) {
      const entry = this.#at(next);
      if (entry === undefined) break;
      const { chain, isReplaced } = entry;
      const data = dataOf(entry, now);
      // Return the first message in any case, because otherwise the reader would repeat the same request for ever.
      if (bytes > 0 && data !== undefined && bytes + entry.bytes > maxBytes) break;
      if (data !== undefined) bytes += entry.bytes;
      entries.push({ chain, data, isReplaced });
    }
    return entries;
  }
}

function dataOf(entry: Entry, now: number): string | Uint8Array | undefined {
  return entry.hasTtl && entry.until <= now ? undefined : entry.data;
}

function bytesOf(data: string | Uint8Array): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}
