// Reads the commands of a client and the replies of a server from the bytes between them (RESP 2 and 3).

const CRLF = "\r\n";
const CR = 13;
const LF = 10;

/** Collects bytes, and calls `take` with each complete value. */
export class RespReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #take: (value: unknown, bytes: Buffer) => void;

  constructor(take: (value: unknown, bytes: Buffer) => void) {
    this.#take = take;
  }

  push(data: Buffer): void {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    for (;;) {
      const read = valueAt(this.#rest, 0);
      if (read === undefined) return;
      const bytes = this.#rest.subarray(0, read.end);
      this.#rest = this.#rest.subarray(read.end);
      this.#take(read.value, bytes);
    }
  }
}

interface Read {
  readonly value: unknown;
  readonly end: number;
}

/** The value that begins at `start`; `undefined` while some of its bytes are missing. */
function valueAt(data: Buffer, start: number): Read | undefined {
  const lineEnd = endOfLine(data, start);
  if (lineEnd === undefined) return undefined;
  const line = data.toString("latin1", start + 1, lineEnd);
  const end = lineEnd + CRLF.length;
  switch (String.fromCodePoint(data[start] ?? 0)) {
    case "*":
    case "~":
    case ">":
      return arrayAt(data, end, Number(line));
    case "%":
      return arrayAt(data, end, 2 * Number(line));
    case "$":
    case "=":
      return textAt(data, end, Number(line));
    default:
      return { value: line, end };
  }
}

function endOfLine(data: Buffer, start: number): number | undefined {
  const at = data.indexOf(CR, start);
  return at === -1 || data[at + 1] !== LF ? undefined : at;
}

function textAt(data: Buffer, start: number, length: number): Read | undefined {
  if (length < 0) return { value: undefined, end: start };
  const end = start + length + CRLF.length;
  return data.length < end ? undefined : { value: data.toString("utf8", start, start + length), end };
}

function arrayAt(data: Buffer, start: number, length: number): Read | undefined {
  const values: unknown[] = [];
  let end = start;
  for (let index = 0; index < length; index += 1) {
    const read = valueAt(data, end);
    if (read === undefined) return undefined;
    values.push(read.value);
    ({ end } = read);
  }
  return { value: values, end };
}
