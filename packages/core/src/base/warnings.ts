/** How many warnings of one stage are emitted in each window. */
const MAX_WARNINGS_PER_WINDOW = 20;
const WINDOW_MS = 60_000;
/** Characters of an error's message in a warning. */
const MAX_LENGTH = 500;

interface Window {
  startedAt: number;
  emitted: number;
  leftOut: number;
}

/**
 * Emits errors as warnings of the process, where there is no `onError` to report to. The rate is limited for each stage, because
 * otherwise a stranger who causes one error again and again would fill the log. A warning has the stack, and the message of the
 * error in one line without control characters. A warning never has the other properties of the error, which may contain data.
 */
export class Warnings {
  readonly #windows = new Map<string, Window>();
  readonly #advice: string;

  /** `advice`: the text at the end of each warning. */
  constructor(advice: string) {
    this.#advice = advice;
  }

  /** Emits the error as a warning, unless the limit of this stage is reached. `stage`: where the error happened. */
  warn(stage: string, error: unknown): void {
    const more = this.#admit(stage);
    if (more === undefined) return;
    const { text, detail } = describe(error);
    const others = more === 0 ? "" : ` (and ${more} more of this stage before)`;
    process.emitWarning(`${stage}: ${text}${others}; ${this.#advice}`, {
      type: "WsessionWarning",
      detail,
    });
  }

  /** Returns how many warnings were omitted since the last emitted one; `undefined` if this warning is omitted too. */
  #admit(stage: string): number | undefined {
    const now = performance.now();
    let window = this.#windows.get(stage);
    if (window === undefined) this.#windows.set(stage, (window = { startedAt: now, emitted: 0, leftOut: 0 }));
    if (now - window.startedAt >= WINDOW_MS) {
      window.startedAt = now;
      window.emitted = 0;
    }
    if (window.emitted >= MAX_WARNINGS_PER_WINDOW) {
      window.leftOut += 1;
      return undefined;
    }
    const { leftOut } = window;
    window.emitted += 1;
    window.leftOut = 0;
    return leftOut;
  }
}

/** Application code may throw any value, also a value that can't be converted to a string. */
function describe(error: unknown): { readonly text: string; readonly detail: string } {
  try {
    if (!(error instanceof Error)) return { text: oneLine(String(error)), detail: "" };
    const { message, stack } = error;
    return { text: oneLine(message), detail: framesOf(message, stack) };
  } catch {
    return { text: "something that can't be described was thrown", detail: "" };
  }
}

/**
 * Makes one line without control characters. An error may quote what a client sent, which otherwise could forge lines of a
 * log or control a terminal (log injection).
 */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH)}…` : line;
}

/** The frames of the stack, without its head, which repeats the message. */
function framesOf(message: string, stack: string | undefined): string {
  if (stack === undefined) return "";
  const at = stack.indexOf(message);
  const rest = at < 0 ? stack : stack.slice(at + message.length);
  return rest
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n");
}
