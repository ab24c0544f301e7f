import { parseClientControl, writeClientControl } from "@wsession/protocol";
import type { Attach } from "@wsession/protocol";
import type { KeyValueStorage } from "./contract.ts";
import { bytesOf } from "./outgoing.ts";
import type { Outgoing, Stream } from "./outgoing.ts";
import type { Standing } from "./page.ts";

/** One message in storage: number, mark, whether it is binary, and a character for each byte then. */
type Saved = readonly [number: number, mark: number, isBinary: boolean, text: string];

/**
 * What survives a reload, under two keys: where the page stands, and what was not settled. Attach frames are the format: what
 * comes back is read by the protocol's own reader, because a server ends the connection of a client that offers it less.
 */
export class PageStorage {
  readonly #storage: KeyValueStorage;
  readonly #key: string;
  readonly #written = new Map<string, string>();
  #callbacks: (() => void)[] = [];
  #writing: Promise<void> = Promise.resolve();

  constructor(storage: KeyValueStorage, key: string) {
    this.#storage = storage;
    this.#key = `wsession:${key}`;
  }

  /** What earlier pages left; nothing where it can't be read. */
  async load(settleOf: (message: string | Uint8Array) => (error?: unknown) => void): Promise<{
    readonly standing: Standing | undefined;
    readonly leftovers: Stream[];
  }> {
    const standing = await this.#read(".at", readAttach);
    const leftovers = await this.#read(".queue", (json) => readStreams(json, settleOf));
    return { standing, leftovers: leftovers ?? [] };
  }

  /** Writes, once for all changes of a task, and runs `then` after that. */
  save(standing: () => Standing, outgoing: Outgoing, then: () => void): void {
    if (this.#callbacks.push(then) > 1) return;
    // One after the other: a storage that answers later must not keep the older of two states.
    this.#writing = this.#writing.then(async () => {
      const callbacks = this.#callbacks;
      this.#callbacks = [];
      await this.#write(".at", standing().session && attachOf(outgoing.own, standing()));
      await this.#write(".queue", writeStreams(outgoing));
      for (const callback of callbacks) callback();
    });
  }

  async #read<Value>(suffix: string, read: (json: string) => Value): Promise<Value | undefined> {
    try {
      const text = await this.#storage.getItem(this.#key + suffix);
      return typeof text === "string" ? read(text) : undefined;
    } catch {
      // Storage that is forbidden, or of another version.
      return undefined;
    }
  }

  async #write(suffix: string, text: string | undefined): Promise<void> {
    if (this.#written.get(suffix) === (text ?? "")) return;
    this.#written.set(suffix, text ?? "");
    try {
      await (text
        ? this.#storage.setItem(this.#key + suffix, text)
        : this.#storage.removeItem(this.#key + suffix));
    } catch {
      // Full, or forbidden: this page goes on without.
    }
  }
}

function attachOf({ client, session, known, next }: Stream, standing?: Standing): string {
  return writeClientControl({
    type: "attach",
    client,
    session,
    from: next,
    known,
    mark: 0,
    at: undefined,
    witness: undefined,
    fresh: false,
    ...standing,
  });
}

function readAttach(frame: string): Attach | undefined {
  const control = parseClientControl(frame);
  return control.type === "attach" ? control : undefined;
}

function writeStreams({ streams }: Outgoing): string | undefined {
  const kept = streams.filter(({ session, waiting }) => session !== undefined && waiting.length > 0);
  return kept.length === 0
    ? undefined
    : JSON.stringify(
        kept.map((stream) => [
          attachOf(stream),
          stream.waiting.map(({ number, mark, message }) =>
            typeof message === "string"
              ? [number, mark ?? 0, false, message]
              : [number, mark ?? 0, true, Array.from(message, (byte) => String.fromCharCode(byte)).join("")],
          ),
        ]),
      );
}

/** Throws for what it did not write. */
function readStreams(
  json: string,
  settleOf: (message: string | Uint8Array) => (error?: unknown) => void,
): Stream[] {
  const saved: readonly (readonly [string, readonly Saved[]])[] = JSON.parse(json);
  return saved.flatMap(([frame, messages]) => {
    const attach = readAttach(frame);
    if (attach?.session === undefined) return [];
    const waiting = messages.map(([number, mark, isBinary, text]) => {
      const message = isBinary ? Uint8Array.from(text, (character) => character.charCodeAt(0)) : text;
      // Read as a whole frame: number and mark are what a server takes, or this throws.
      parseClientControl(writeClientControl({ ...attach, from: number, mark }));
      return {
        number,
        message,
        bytes: bytesOf(message),
        mark,
        sentIn: "an earlier page" as const,
        failures: 0,
        settle: settleOf(message),
      };
    });
    return [
      { client: attach.client, session: attach.session, known: attach.known, next: attach.from, waiting },
    ];
  });
}
