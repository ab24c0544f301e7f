// @ts-check
// A seeded load on shared sessions. Writes a history: one line before each call, and one line after it.
import { isSessionError } from "@wsession/core";
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * @typedef {import("./application.mjs").Application} Application
 * @typedef {import("./application.mjs").Data} Data
 * @typedef {import("@wsession/core").Session<Data>} Handle
 * @typedef {{ id: string, token: string, register: boolean, hold: boolean, mortal: boolean, hasPages?: boolean }} Target
 * @typedef {{ worker: string, seed: number, operations: number, inFlight: number, pauseMs?: number, targets: Target[], destroys: boolean }} LoadOptions
 * @typedef {{ kind: import("./history.ts").Kind, session: string, value?: string, field?: string }} Call
 */

/** @param {number} seed @returns {() => number} */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The number of sessions that are changed at the same time. */
const WINDOW = 4;

export class Load {
  #application;
  #options;
  #file;
  #random;
  #op = 0;
  #stopping = false;
  /** @type {Map<string, Handle>} */
  #handles = new Map();
  /** @type {Set<string>} */
  #gone = new Set();
  /** @type {{ op: number, error: unknown }[]} */
  #unknown = [];
  counts = { ok: 0, fail: 0, unknown: 0, resolved: 0 };

  /** @param {Application} application @param {LoadOptions} options @param {number} file */
  constructor(application, options, file) {
    this.#application = application;
    this.#options = options;
    this.#file = file;
    this.#random = randomFrom(options.seed);
  }

  get done() {
    const { ok, fail, unknown } = this.counts;
    return ok + fail + unknown;
  }

  /** Ends once `operations` are done, too. */
  stop() {
    this.#stopping = true;
  }

  async run() {
    const { inFlight, pauseMs = 0 } = this.#options;
    const lanes = Array.from({ length: inFlight }, async () => {
      while (!this.#stopping || this.done < this.#options.operations) {
        await this.#step();
        if (pauseMs > 0) await delay(pauseMs);
      }
    });
    await Promise.all(lanes);
  }

  /** Asks the store for the unknown outcomes. Its server must be reachable. */
  async resolve() {
    for (const { op, error } of this.#unknown.splice(0)) {
      const outcome = await this.#application.store.outcome(error);
      if (outcome !== "unknown") this.counts.resolved += 1;
      this.#write({ op, type: "resolved", outcome });
    }
  }

  async #step() {
    const { targets, operations, destroys } = this.#options;
    const progress =
      Math.floor((this.done / operations) * Math.max(1, targets.length - WINDOW)) % targets.length;
    const place = progress + Math.floor(this.#random() * WINDOW);
    const first = targets[place % targets.length];
    // Operations on a destroyed session show little. The next session is not mortal.
    const isPassedOver = first !== undefined && this.#gone.has(first.id) && this.#random() < 0.9;
    const target = isPassedOver ? targets[(place + 1) % targets.length] : first;
    if (target === undefined) return;
    const dice = this.#random();
    if (dice < 0.12) return this.#read(target.id);
    if (destroys && target.mortal && dice < 0.13) return this.#destroy(target.id);
    const handle = await this.#handle(target);
    if (handle === undefined) return this.#read(target.id);
    if (target.register) return this.#set(handle);
    // A login replaces the token, and empties the outbox: neither is the pages' subject.
    if (dice < 0.14 && target.hasPages !== true) return this.#identify(handle);
    if (dice < 0.55) return this.#append(handle);
    if (dice < 0.8) return this.#increment(handle);
    return this.#patch(handle);
  }

  /** Half of the time a new handle. Otherwise an existing one: the handle of a connection, if there is one. @param {Target} target */
  async #handle({ id }) {
    const known = this.#handles.get(id);
    if (known !== undefined && this.#random() < 0.5) return known;
    for (const { session } of this.#application.sessions.connections) if (session.id === id) return session;
    try {
      const handle = await this.#application.sessions.get(id);
      if (handle !== undefined) this.#handles.set(id, handle);
      return handle;
    } catch {
      // The store can't be reached. The read that follows reports that.
      return undefined;
    }
  }

  /** @param {Handle} handle */
  #append(handle) {
    const value = this.#name();
    return this.#record({ kind: "append", session: handle.id, value }, async () => {
      const { list } = await handle.update((data) => ({ ...data, list: [...data.list, value] }));
      return { result: list.length - 1 };
    });
  }

  /** @param {Handle} handle */
  #increment(handle) {
    return this.#record({ kind: "increment", session: handle.id }, async () => {
      const { counter } = await handle.update((data) => ({ ...data, counter: data.counter + 1 }));
      return { result: counter };
    });
  }

  /** @param {Handle} handle */
  #patch(handle) {
    const value = this.#name();
    const field = `of-${this.#options.worker}`;
    return this.#record({ kind: "write", session: handle.id, field, value }, async () => {
      await handle.patch({ [field]: value });
      return { version: handle.version };
    });
  }

  /** @param {Handle} handle */
  #set(handle) {
    const value = this.#name();
    return this.#record({ kind: "write", session: handle.id, field: "register", value }, async () => {
      await handle.set({ list: [], counter: 0, register: value });
      return { version: handle.version };
    });
  }

  /** @param {Handle} handle */
  #identify(handle) {
    // One subject for each session, so that the owner does not depend on the order of logins.
    const value = `subject-${handle.id.slice(0, 1)}`;
    return this.#record({ kind: "identify", session: handle.id, value }, async () => {
      await handle.identify(value);
      return { version: handle.version };
    });
  }

  /** @param {string} id */
  #read(id) {
    return this.#record({ kind: "read", session: id }, async () => {
      const stored = await this.#application.store.load(id);
      if (stored === undefined) {
        this.#gone.add(id);
        return { data: null };
      }
      return { data: { ...stored.data }, version: stored.version, fence: stored.fence };
    });
  }

  /** @param {string} id */
  #destroy(id) {
    return this.#record({ kind: "destroy", session: id }, async () => {
      const { destroyed } = await this.#application.sessions.destroy(id);
      return { was: destroyed === 1 };
    });
  }

  #name() {
    return `${this.#options.worker}-${this.#op + 1}`;
  }

  /** @param {Call} call @param {() => Promise<import("./history.ts").Answer>} run */
  async #record(call, run) {
    this.#op += 1;
    const op = this.#op;
    this.#write({ op, type: "invoke", ...call });
    try {
      const answer = await run();
      this.#write({ op, type: "ok", ...answer });
      this.counts.ok += 1;
    } catch (error) {
      const code = isSessionError(error) ? error.code : String(error);
      const isRead = call.kind === "read";
      const refused = isRead || (isSessionError(error) && error.outcome !== "unknown");
      this.#write({ op, type: refused ? "fail" : "unknown", code });
      this.counts[refused ? "fail" : "unknown"] += 1;
      if (!refused) this.#unknown.push({ op, error });
    }
  }

  /** Writes synchronously, so that the file of a killed process is complete. @param {Record<string, unknown>} event */
  #write(event) {
    const at = Number(process.hrtime.bigint() / 1000n);
    writeSync(this.#file, `${JSON.stringify({ at, worker: this.#options.worker, ...event })}\n`);
  }
}
