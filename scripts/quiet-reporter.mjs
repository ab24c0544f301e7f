// A reporter of vitest that fails the run if a test, or a process of a test, has printed anything. Otherwise an ignored warning would
// hide the next one. A test that expects a report asserts it, by an `onError` or by a listener for the warning.
import process from "node:process";

/** The most lines that are shown, without the lines of stacks, so that the first lines stay visible. */
const QUOTED_LINES = 60;

/**
 * @typedef {import("vitest/node").Reporter} Reporter
 * @typedef {import("vitest/node").Vitest} Vitest
 * @typedef {import("vitest/node").TestModule} TestModule
 */

/** @implements {Reporter} */
// oxlint-disable-next-line import/no-default-export -- vitest takes a reporter from there
export default class QuietReporter {
  /** @type {Vitest | undefined} */
  #vitest;
  /** Files whose tests are running. @type {Set<string>} */
  #running = new Set();
  /** The printed lines by their source. @type {Map<string, string[]>} */
  #printed = new Map();

  /** @param {Vitest} vitest */
  onInit(vitest) {
    this.#vitest = vitest;
    // Each worker's output is piped into these streams: by Node's own warnings too, and by processes that inherit it. The
    // other reporters write to them, and pipe nothing.
    for (const [name, stream] of /** @type {const} */ ([
      ["stdout", vitest.logger.outputStream],
      ["stderr", vitest.logger.errorStream],
    ])) {
      stream.on("pipe", (/** @type {import("node:stream").Readable} */ worker) => {
        worker.on("data", (/** @type {Buffer | string} */ chunk) => {
          this.#note(`${name}, while ${[...this.#running].join(", ") || "no test"} ran`, String(chunk));
        });
      });
    }
  }

  /** @param {TestModule} module */
  onTestModuleStart(module) {
    this.#running.add(module.relativeModuleId);
  }

  /** @param {TestModule} module */
  onTestModuleEnd(module) {
    this.#running.delete(module.relativeModuleId);
  }

  /**
   * Output of `console`, which vitest intercepts in its workers.
   *
   * @param {import("vitest").UserConsoleLog} log
   */
  onUserConsoleLog({ type, taskId, content }) {
    const task = taskId === undefined ? undefined : this.#vitest?.state.idMap.get(taskId);
    const names = [];
    for (
      let part = task;
      part !== undefined;
      part = part.suite ?? (part.file === part ? undefined : part.file)
    )
      names.unshift(part.name);
    this.#note(`${type}, ${names.join(" > ") || "outside of a test"}`, content);
  }

  onTestRunEnd() {
    this.#judge();
    // Output of ending workers arrives later.
    process.once("exit", () => this.#judge());
  }

  #judge() {
    if (this.#printed.size === 0) return;
    const quoted = [...this.#printed].flatMap(([source, lines]) => [
      `${source}:`,
      ...lines.map((line) => `  ${line}`),
    ]);
    const more = quoted.length - QUOTED_LINES;
    this.#vitest?.logger.error(
      [
        "",
        "The tests are not quiet. Assert the report that they expect instead of letting it be printed:",
        ...quoted.slice(0, QUOTED_LINES),
        ...(more > 0 ? [`… and ${more} more lines`] : []),
        "",
      ].join("\n"),
    );
    this.#printed.clear();
    process.exitCode = 1;
  }

  /**
   * @param {string} source
   * @param {string} text
   */
  #note(source, text) {
    const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s+at /.test(line));
    if (lines.length > 0) this.#printed.set(source, [...(this.#printed.get(source) ?? []), ...lines]);
  }
}
