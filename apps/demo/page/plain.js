/** A plain WebSocket as applications usually write it: it connects again by itself, and sends unanswered messages again. */

/** @typedef {import("../src/messages.ts").PlainAnswer} PlainAnswer */

const AGAIN_AFTER_MS = 300;

export class PlainCounting {
  /** How often a connection broke. */
  breaks = 0;
  /** The counter, as the server answered last. */
  count = 0;
  isOpen = false;
  #run;
  #address;
  #changed;
  /** @type {Map<number, string>} */
  #unanswered = new Map();
  /** @type {WebSocket | undefined} */
  #socket;
  #isEnded = false;

  /**
   * @param {string} run
   * @param {readonly string[]} messages The first one has number 1.
   * @param {() => string | undefined} address Where to connect, once there is a server.
   * @param {() => void} changed
   */
  constructor(run, messages, address, changed) {
    this.#run = run;
    this.#address = address;
    this.#changed = changed;
    messages.forEach((message, index) => this.#unanswered.set(index + 1, message));
    this.#connect();
  }

  get unanswered() {
    return this.#unanswered.size;
  }

  /** @param {string} message */
  send(message) {
    this.#socket?.send(message);
  }

  end() {
    this.#isEnded = true;
    this.#socket?.close();
  }

  #connect() {
    if (this.#isEnded) return;
    const address = this.#address();
    if (address === undefined) {
      setTimeout(() => this.#connect(), AGAIN_AFTER_MS);
      return;
    }
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.isOpen = true;
      for (const message of this.#unanswered.values()) socket.send(message);
      this.#changed();
    });
    socket.addEventListener("message", ({ data }) => this.#answered(JSON.parse(String(data))));
    socket.addEventListener("close", () => {
      if (this.isOpen) this.breaks += 1;
      this.isOpen = false;
      setTimeout(() => this.#connect(), AGAIN_AFTER_MS);
      if (!this.#isEnded) this.#changed();
    });
  }

  /** @param {PlainAnswer} answer */
  #answered({ run, number, count }) {
    if (run !== this.#run) return;
    this.#unanswered.delete(number);
    this.count = count;
    this.#changed();
  }
}
