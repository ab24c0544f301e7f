import {
  optional,
  readClientId,
  readMark,
  readMembers,
  readNumber,
  readPosition,
  readSessionId,
  readText,
  writePosition,
} from "@wsession/protocol";
import type { KeyValueStorage } from "./contract.ts";
import { startTimer } from "./environment.ts";
import { bytesOf } from "./outgoing.ts";
import type { Outgoing, QueuedMessage, Stream } from "./outgoing.ts";
import type { AttachState } from "./page.ts";

const ANSWER_MS = 1_000;

/** The state that survives a reload, under two keys: the page's position, and the unsettled messages. */
export interface PageStorage {
  /** Copies the state of earlier pages to `state` and `outgoing`. Ignores unreadable state. */
  load(): Promise<void>;
  /** Writes the state once for all changes of a task, and calls `then` after that. */
  save(then?: () => void): void;
}

/** @param onLeftover called for each message of an earlier page that is settled */
export function createPageStorage(
  storage: KeyValueStorage,
  key: string,
  state: AttachState,
  outgoing: Outgoing,
  onLeftover: (data: string | Uint8Array, error: unknown) => void,
): PageStorage {
  const written: Record<string, string> = {};
  let callbacks: ((() => void) | undefined)[] = [];
  let writing = Promise.resolve();

  const read = async (suffix: string, use: (value: unknown) => void): Promise<void> => {
    try {
      use(JSON.parse(String(await withTimeLimit(storage.getItem(key + suffix)))));
    } catch {
      // The storage is forbidden, empty, or has data of another version.
    }
  };
  const write = async (suffix: string, value: object | undefined): Promise<void> => {
    const text = value === undefined ? "" : JSON.stringify(value);
    if (written[suffix] === text) return;
    written[suffix] = text;
    try {
      await withTimeLimit(
        text === "" ? storage.removeItem(key + suffix) : storage.setItem(key + suffix, text),
      );
    } catch {
      // The storage is full or forbidden. The page continues without it.
    }
  };
  const readEntry = (value: unknown): QueuedMessage => {
    const { bytes, text, ...head } = readMembers(value, {
      number: readNumber,
      mark: readMark,
      bytes: optional(readText),
      text: optional(readText),
    });
    const message =
      bytes === undefined
        ? readText(text, "text")
        : Uint8Array.from(bytes, (character) => character.charCodeAt(0));
    return {
      ...head,
      message,
      bytes: bytesOf(message),
      sentIn: true,
      failures: 0,
      settle: (error) => onLeftover(message, error),
    };
  };
  const readStream = (value: unknown): Stream =>
    readMembers(value, {
      client: readClientId,
      session: readSessionId,
      known: readNumber,
      next: readNumber,
      waiting: (list) => readList(list, readEntry),
    });
  const load = async (): Promise<void> => {
    await read(".at", (value) => {
      // Read all members before the assignment, so that an unreadable member leaves `state` unchanged.
      const stored = readMembers<AttachState>(value, {
        session: readSessionId,
        mark: readMark,
        at: optional(readPosition),
        witness: optional(readPosition),
      });
      Object.assign(state, stored);
      outgoing.own.session = stored.session;
      for (const entry of outgoing.own.waiting) entry.mark ??= stored.mark;
    });
    await read(".queue", (value) => {
      outgoing.leftovers = readMembers(value, { streams: (list) => readList(list, readStream) }).streams;
    });
  };
  return {
    // `save` waits for `load`, because otherwise it would overwrite the state of earlier pages before that is read.
    load: () => (writing = load()),
    save(then) {
      if (callbacks.push(then) > 1) return;
      // Write one state after the other: with a slow storage an older state could overwrite a newer one.
      writing = writing.then(async () => {
        const due = callbacks;
        callbacks = [];
        const { session, at, witness } = state;
        const isStored = session !== undefined;
        await write(
          ".at",
          isStored
            ? { ...state, at: at && writePosition(at), witness: witness && writePosition(witness) }
            : undefined,
        );
        const streams = outgoing
          .streams()
          .filter(({ session: named, waiting }) => named !== undefined && waiting.length > 0);
        await write(".queue", streams.length === 0 ? undefined : { streams: streams.map(writeStream) });
        for (const callback of due) callback?.();
      });
    },
  };
}

/** Awaits a storage for ANSWER_MS at most. A storage that never answers must not block the client or its promises. */
function withTimeLimit(answer: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = startTimer(ANSWER_MS, () => resolve(""));
    Promise.resolve(answer).then(resolve, reject).finally(cancel);
  });
}

function writeStream(stream: Stream): object {
  return { ...stream, waiting: stream.waiting.map(writeEntry) };
}

/** Encodes a message. A binary message becomes a text with one character for each byte. */
function writeEntry({ number, mark, message }: QueuedMessage): object {
  return typeof message === "string"
    ? { number, mark, text: message }
    : { number, mark, bytes: Array.from(message, (byte) => String.fromCharCode(byte)).join("") };
}

function readList<Value>(value: unknown, read: (one: unknown) => Value): Value[] {
  return Array.from(Object(value), (one) => read(one));
}
