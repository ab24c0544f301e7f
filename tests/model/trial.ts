import { createHash, randomBytes } from "node:crypto";
import { deepStrictEqual } from "node:assert/strict";
import type { Change, HeldSession, SessionStore, StoredSession, StoreHost } from "@wsession/core";
import { Model, type ModelSession, type Operation, type Secret, type Step, viewOf } from "./model.ts";

const LONG_MS = 3_600_000;

/** Holds the sessions of an in-connection store in the slots of connections, as core does. */
export class SlotHost implements StoreHost {
  readonly slots: Map<string, HeldSession> = new Map();
  readonly held = (id: string): HeldSession | undefined => this.slots.get(id);
  readonly heldIds = (): Iterable<string> => this.slots.keys();
  readonly notify = (): number => 0;

  onError(error: unknown): void {
    throw error;
  }
}

/** One run: the same steps by several writers against a store and against the model, which must give the same answers. */
export class Trial {
  readonly #stores: readonly SessionStore[];
  /** The sessions of a store without records of its own. */
  readonly #slots: Map<string, HeldSession> | undefined;
  readonly #model = new Model();
  readonly #run = randomBytes(6).toString("hex");
  #digests = 0;

  constructor(stores: readonly SessionStore[], slots?: Map<string, HeldSession>) {
    this.#stores = stores;
    this.#slots = slots;
  }

  async step({ writer, session, operation }: Step): Promise<void> {
    const store = this.#stores[writer % this.#stores.length];
    if (store === undefined) throw new Error("a trial has a store");
    await this.#act(store, `${this.#run}-${session}`, operation);
  }

  /** After the last step: for every writer, each session in the store equals the session in the model. */
  async end(): Promise<void> {
    for (const store of this.#stores) {
      for (const id of new Set([...this.#model.sessions.keys(), ...this.#model.destroyed]))
        await this.#load(store, id);
    }
  }

  async #act(store: SessionStore, id: string, operation: Operation): Promise<void> {
    switch (operation.type) {
      case "create":
        return this.#create(store, id, operation);
      case "write":
        return this.#write(store, id, operation);
      case "resume":
        return this.#resume(store, id, operation);
      case "rotate":
        return this.#rotate(store, id, operation);
      case "load":
        return this.#load(store, id);
      case "touch":
        return deepStrictEqual(await store.touch(id, LONG_MS), this.#model.sessions.has(id));
      case "destroy": {
        const { destroyed } = await store.destroy(id, "why", false);
        this.#slots?.delete(id);
        return deepStrictEqual(destroyed, this.#model.destroy(id) ? [id] : []);
      }
      case "destroySubject": {
        const subject = this.#subject(operation.subject);
        const { destroyed } = await store.destroySubject(subject, undefined);
        for (const gone of destroyed) this.#slots?.delete(gone);
        const expected = this.#model.bySubject(subject);
        for (const gone of expected) this.#model.destroy(gone);
        return deepStrictEqual(destroyed.toSorted(), expected.toSorted());
      }
      case "bySubject": {
        const subject = this.#subject(operation.subject);
        return deepStrictEqual(
          (await store.bySubject(subject)).toSorted(),
          this.#model.bySubject(subject).toSorted(),
        );
      }
      case "ids": {
        const ids: string[] = [];
        for await (const each of store.ids()) if (each.startsWith(this.#run)) ids.push(each);
        return deepStrictEqual(ids.toSorted(), [...this.#model.sessions.keys()].toSorted());
      }
    }
  }

  async #create(
    store: SessionStore,
    id: string,
    operation: Extract<Operation, { type: "create" }>,
  ): Promise<void> {
    const digest = operation.withDigest ? this.#digest() : undefined;
    const subject = operation.subject === undefined ? undefined : this.#subject(operation.subject);
    const { data, exclusive } = operation;
    const limits = { schemaVersion: 0, idleMs: LONG_MS, absoluteMs: LONG_MS };
    const result = await store.create({ id, digest, data, subject, hold: false, exclusive, ...limits });
    // A store may refuse a destroyed id for any time, because no id is used twice.
    if (result.type !== "created" && this.#model.destroyed.has(id)) return;
    deepStrictEqual(
      result.type,
      this.#model.create(id, digest, { ...operation, subject }) ? "created" : "exists",
    );
    if (result.type === "created") this.#same(id, result.session);
  }

  async #write(
    store: SessionStore,
    id: string,
    operation: Extract<Operation, { type: "write" }>,
  ): Promise<void> {
    const before = this.#model.sessions.get(id);
    const version = before?.version ?? 1;
    const { expectBehind, knownBehind, schemaVersion } = operation;
    const expect = expectBehind === undefined ? undefined : version - expectBehind;
    // A slot's owner has no other version than the slot's.
    const known = this.#slots === undefined ? version - knownBehind : version;
    const fence = below(before, operation.fenceBelow);
    const base = expect === version ? before?.data : undefined;
    const change: Change =
      operation.change.type === "replace" ? { ...operation.change, base } : operation.change;
    const result = await store.write({ id, change, expect, known, fence, schemaVersion });
    deepStrictEqual(result.type, this.#model.write(id, change, expect, fence, schemaVersion));
    if (result.type === "conflict") return this.#same(id, result.session);
    if (result.type !== "written") return;
    const after = this.#model.sessions.get(id);
    deepStrictEqual(result.version, after?.version);
    if (result.session !== undefined) this.#same(id, result.session);
    else
      deepStrictEqual(
        result.version,
        known + 1,
        "the whole session comes with a version that is not the next one",
      );
    this.#keep(id);
  }

  async #resume(
    store: SessionStore,
    id: string,
    operation: Extract<Operation, { type: "resume" }>,
  ): Promise<void> {
    const { exclusive } = operation;
    const digest = this.#presented(this.#model.sessions.get(id), operation.secret);
    const nextDigest = this.#digest();
    const subject = operation.subject === undefined ? undefined : this.#subject(operation.subject);
    const request = { id, digest, nextDigest, subject, idleMs: LONG_MS, hold: false, exclusive };
    const result = await store.resume(request);
    if (!store.capabilities.resumable) return deepStrictEqual(result.type, "missing");
    const taken = result.type === "resumed" ? result.session.fence : 0;
    const expected = this.#model.resume(id, digest, nextDigest, { subject, exclusive }, taken);
    deepStrictEqual(result.type === "resumed" ? result.by : result.type, expected);
    if (result.type === "resumed") this.#same(id, result.session);
  }

  async #rotate(
    store: SessionStore,
    id: string,
    operation: Extract<Operation, { type: "rotate" }>,
  ): Promise<void> {
    const before = this.#model.sessions.get(id);
    const [digest, renewalDigest] = [this.#digest(), this.#digest()];
    const subject = operation.subject === undefined ? undefined : this.#subject(operation.subject);
    const fence = below(before, operation.fenceBelow);
    const times = { renewalMs: LONG_MS, graceMs: operation.grace ? LONG_MS : 0 };
    const known = before?.version ?? 1;
    const result = await store.rotate({ id, digest, renewalDigest, subject, fence, known, ...times });
    deepStrictEqual(
      result.type,
      this.#model.rotate(id, digest, renewalDigest, fence, { ...operation, subject }),
    );
    if (result.type !== "rotated") return;
    deepStrictEqual(result.version, this.#model.sessions.get(id)?.version);
    this.#keep(id);
  }

  async #load(store: SessionStore, id: string): Promise<void> {
    const stored = await store.load(id);
    if (stored === undefined) deepStrictEqual(this.#model.sessions.has(id), false);
    else this.#same(id, stored);
  }

  #same(id: string, stored: StoredSession): void {
    const expected = this.#model.sessions.get(id);
    deepStrictEqual(viewOf(stored), expected && viewOf(expected));
    this.#keep(id);
  }

  #keep(id: string): void {
    const session = this.#model.sessions.get(id);
    if (session === undefined) return;
    this.#slots?.set(id, { ...viewOf(session), idleInMs: LONG_MS, absoluteInMs: LONG_MS, connections: 1 });
  }

  #presented(session: ModelSession | undefined, secret: Secret): string | undefined {
    if (secret === "none") return undefined;
    const digests = {
      current: session?.current,
      previous: session?.previous?.digest,
      renewal: session?.renewal,
      wrong: undefined,
    };
    return digests[secret] ?? this.#digest();
  }

  /** A new id, which is the same in a repeated run. */
  #digest(): string {
    this.#digests += 1;
    return createHash("sha256").update(`${this.#run} ${this.#digests}`).digest("base64url");
  }

  #subject(name: string): string {
    return `${this.#run} ${name}`;
  }
}

function below(session: ModelSession | undefined, by: number | undefined): number | undefined {
  return by === undefined ? undefined : Math.max(0, (session?.fence ?? 0) - by);
}
