import type { SessionStore } from "@wsession/core";
import { sharedStore } from "./memory-runtime.ts";

type Call = "load" | "write" | "rotate" | "destroy" | "touch" | "resume" | "create";

/** A shared store whose replies a test can delay: a call takes effect at once, but its reply waits. */
export interface HeldStore extends ReturnType<typeof sharedStore> {
  /** Delays the replies to calls of this name until the returned function is called. */
  hold(call: Call): () => void;
}

export function heldStore(inner: ReturnType<typeof sharedStore> = sharedStore()): HeldStore {
  const held = new Map<Call, Promise<void>>();
  const after = async <Answer>(call: Call, answer: PromiseLike<Answer> | Answer): Promise<Answer> => {
    const settled = await answer;
    await held.get(call);
    return settled;
  };
  const store: SessionStore = inner;
  return {
    ...inner,
    hold(call) {
      let letGo: () => void = () => undefined;
      held.set(call, new Promise<void>((resolve) => (letGo = resolve)));
      return () => {
        held.delete(call);
        letGo();
      };
    },
    create: (request) => after("create", store.create(request)),
    resume: (request) => after("resume", store.resume(request)),
    load: (id) => after("load", store.load(id)),
    write: (request) => after("write", store.write(request)),
    touch: (id, idleMs, absoluteMs) => after("touch", store.touch(id, idleMs, absoluteMs)),
    rotate: (request) => after("rotate", store.rotate(request)),
    destroy: (id, reason, confirm) => after("destroy", store.destroy(id, reason, confirm)),
  };
}
