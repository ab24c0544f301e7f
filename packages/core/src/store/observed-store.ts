import { telemetry } from "../base/telemetry.ts";
import type { SessionStore } from "./contract.ts";

/** Methods whose first argument is a session's id, or a request that has one. The others begin with a subject, or with nothing. */
const OF_ONE_SESSION: ReadonlySet<string> = new Set([
  "create",
  "resume",
  "takeOver",
  "takeOverSubject",
  "load",
  "write",
  "touch",
  "extend",
  "rotate",
  "destroy",
  "release",
  "presence",
  "append",
  "read",
  "commit",
] satisfies readonly (keyof SessionStore)[]);

/** Methods that are not calls to the place where sessions live: they start or end the store, or return an iteration. */
const UNOBSERVED: ReadonlySet<string> = new Set([
  "attach",
  "track",
  "ids",
  "close",
] satisfies readonly (keyof SessionStore)[]);

/**
 * The same store, whose calls are published on `wsession:store:call`. A proxy, because a third party's store may have any members.
 * Used only while the channel has a listener: a proxy costs more than the call of a store in this process.
 */
export function observedStore(store: SessionStore): SessionStore {
  const methods = new Map<string, unknown>();
  // The target is empty, because a proxy must return the own members of a frozen target as they are.
  const empty: SessionStore = Object.create(store);
  return new Proxy(empty, {
    get(_target, name) {
      const member: unknown = Reflect.get(store, name);
      if (typeof member !== "function" || typeof name !== "string") return member;
      const known = methods.get(name);
      if (known !== undefined) return known;
      const observed = observedMethod(store, name);
      methods.set(name, observed);
      return observed;
    },
  });
}

function observedMethod(store: SessionStore, method: string): (...args: unknown[]) => unknown {
  return (...args) => {
    const call = (): unknown => {
      const member: unknown = Reflect.get(store, method);
      return typeof member === "function" ? Reflect.apply(member, store, args) : undefined;
    };
    if (UNOBSERVED.has(method)) return call();
    const sessionId = OF_ONE_SESSION.has(method) ? idIn(args[0]) : undefined;
    return telemetry.storeCall.trace({ method, sessionId }, call);
  };
}

function idIn(first: unknown): string | undefined {
  if (typeof first === "string") return first;
  const isRequest = typeof first === "object" && first !== null && "id" in first;
  return isRequest && typeof first.id === "string" ? first.id : undefined;
}
