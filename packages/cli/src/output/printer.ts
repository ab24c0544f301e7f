import { styleText } from "node:util";
import type { Output } from "./output.ts";
import { safeJson, safeText } from "./safe-text.ts";

export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Text that has been made safe, and may have a colour. */
export interface Styled {
  readonly safe: string;
}

/** Writes the output: lines for people, or JSON. Nothing reaches a stream that was not made safe. */
export class Printer {
  readonly json: boolean;
  readonly #out: Output;
  readonly #error: Output;
  readonly #hasColours: boolean;

  constructor(json: boolean, out: Output, error: Output, environment: NodeJS.ProcessEnv) {
    this.json = json;
    this.#out = out;
    this.#error = error;
    // The colours of a terminal that has some, unless https://no-color.org forbids them.
    const isForbidden = (environment["NO_COLOR"] ?? "") !== "";
    this.#hasColours = out.isTTY === true && !isForbidden && out.hasColors?.() === true;
  }

  /** Writes a line for people, which consists of the parts. Does nothing with `--json`. */
  line(...parts: readonly (string | Styled)[]): void {
    if (this.json) return;
    const texts = parts.map((part) => (typeof part === "string" ? safeText(part) : part.safe));
    this.#out.write(`${texts.join("")}\n`);
  }

  /** Writes a line of two columns for people. */
  row(name: string, value: string, style?: Style): void {
    const styled = style === undefined ? value : this.style(style, value);
    this.line(this.style("dim", name.padEnd(22)), " ", styled);
  }

  /** Writes a value as one line of JSON. Does nothing without `--json`. */
  value(value: unknown): void {
    if (this.json) this.#out.write(`${safeJson(value)}\n`);
  }

  /** Writes a message to stderr. */
  message(text: string): void {
    this.#error.write(`${safeText(text)}\n`);
  }

  /** Makes `text` safe, and colours it on a terminal. */
  style(style: Style, text: string): Styled {
    const safe = safeText(text);
    return { safe: this.#hasColours ? styleText(style, safe, { validateStream: false }) : safe };
  }
}
