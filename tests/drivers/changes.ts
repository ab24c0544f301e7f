// Each kind of change of a session, for tests that disturb it.
import { createHash } from "node:crypto";
import { aCommit } from "../../packages/store-redis/test/fake-client.ts";
import {
  aCreation,
  anAppend,
  aResume,
  aWrite,
  newDigest,
  newId,
} from "../../packages/store-redis/test/fake-host.ts";
import type { RedisSessionStore } from "@wsession/store-redis";
import type { RotateRequest } from "@wsession/core";

/** A session that one change is made to. All its names are its own, so its commands can be recognised. */
export class Target {
  readonly id: string = newId();
  readonly subject: string = `subject-${newId()}`;
  readonly digest: string = newDigest();
  readonly nextDigest: string = newDigest();
  readonly renewalDigest: string = newDigest();
  readonly #hash: string = createHash("sha256").update(this.subject).digest("base64url").slice(0, 12);

  /** Whether a command is about this session or its subject. */
  isOf(words: readonly string[]): boolean {
    return words.some((word) => word.includes(this.id) || word.includes(this.#hash));
  }

  rotation(request: Partial<RotateRequest> = {}): RotateRequest {
    const { id, nextDigest: digest, renewalDigest } = this;
    const times = { renewalMs: 60_000, graceMs: 60_000 };
    return {
      id,
      digest,
      renewalDigest,
      ...times,
      subject: undefined,
      fence: undefined,
      known: 1,
      ...request,
    };
  }
}

export interface Change {
  readonly name: string;
  /** Makes the state before the change, through `store`, which is undisturbed then. */
  prepare(store: RedisSessionStore, target: Target): Promise<unknown>;
  make(store: RedisSessionStore, target: Target): Promise<unknown>;
}

type Step = Change["prepare"];

const nothing: Step = async () => undefined;
const ownerless: Step = (store, { id, digest }) => store.create(aCreation({ id, digest, data: { n: 0 } }));
const owned: Step = (store, { id, digest, subject }) =>
  store.create(aCreation({ id, digest, subject, data: { n: 0 } }));
const renewable: Step = async (store, target) => {
  await ownerless(store, target);
  await store.rotate(target.rotation({ digest: newDigest() }));
};

export const changes: readonly Change[] = [
  {
    name: "create",
    prepare: nothing,
    make: (store, { id, digest }) => store.create(aCreation({ id, digest, data: { n: 1 } })),
  },
  {
    name: "create without a digest, for a connection that takes over",
    prepare: nothing,
    make: (store, { id }) =>
      store.create(aCreation({ id, digest: undefined, hold: true, exclusive: true, data: { n: 1 } })),
  },
  { name: "create with a subject", prepare: nothing, make: owned },
  {
    name: "create with a limit of the subject",
    prepare: (store, { subject }) => store.create(aCreation({ subject })),
    make: (store, { id, digest, subject }) =>
      store.create(aCreation({ id, digest, subject, data: { n: 1 }, limit: { max: 1, over: "oldest" } })),
  },
  {
    name: "resume, for a connection that takes over",
    prepare: ownerless,
    make: (store, { id, digest }) => store.resume(aResume(id, { digest, hold: true, exclusive: true })),
  },
  {
    name: "resume by a renewal code",
    prepare: renewable,
    make: (store, { id, renewalDigest: digest }) =>
      store.resume(aResume(id, { digest, nextDigest: newDigest() })),
  },
  { name: "write", prepare: ownerless, make: (store, { id }) => store.write(aWrite(id, { n: 1 })) },
  {
    name: "append",
    prepare: ownerless,
    make: (store, { id }) => store.append(anAppend(id, ["a", "b"])),
  },
  {
    name: "commit",
    prepare: ownerless,
    make: (store, { id }) =>
      store.commit(aCommit(id, { number: 1 }, { known: 1, set: { n: 1 }, messages: ["a"] })),
  },
  { name: "rotate", prepare: ownerless, make: (store, target) => store.rotate(target.rotation()) },
  {
    name: "rotate to a subject",
    prepare: ownerless,
    make: (store, target) => store.rotate(target.rotation({ subject: target.subject })),
  },
  {
    name: "touch",
    prepare: owned,
    make: (store, { id }) => store.touch(id, 600_000, 7_200_000),
  },
  {
    name: "extend",
    prepare: owned,
    make: async (store, { id }) =>
      store.extend?.({ id, idleMs: 60_000, own: { idleMs: 900_000 }, absoluteInMs: 9_000_000 }),
  },
  { name: "takeOver", prepare: ownerless, make: (store, { id }) => store.takeOver(id) },
  {
    name: "takeOverSubject",
    prepare: async (store, target) => {
      await owned(store, target);
      await store.create(aCreation({ subject: target.subject }));
    },
    make: async (store, { id, subject }) => store.takeOverSubject?.({ id, subject, raise: true }),
  },
  {
    name: "release",
    prepare: async (store, target) => {
      await ownerless(store, target);
      await store.resume(aResume(target.id, { hold: true }));
      await store.resume(aResume(target.id, { hold: true }));
    },
    make: (store, { id }) => store.release(id),
  },
  {
    name: "destroy",
    prepare: async (store, target) => {
      await owned(store, target);
      await store.append(anAppend(target.id, ["a"]));
    },
    make: (store, { id }) => store.destroy(id, "logged out", true),
  },
  {
    name: "destroySubject",
    prepare: owned,
    make: async (store, { subject }) => store.destroySubject(subject, "logged out"),
  },
];
