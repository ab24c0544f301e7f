import { AsyncLocalStorage } from "node:async_hooks";
import type { Context } from "@opentelemetry/api";

/** The key under which all copies of `@opentelemetry/api` 1.x share what the application has registered. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/**
 * The AsyncLocalStorage of the registered context manager; `undefined` if there is none. A channel runs its operations in a storage that
 * is bound to it, and `@opentelemetry/api` itself can only run a function in a context.
 */
export function contextStorage(): AsyncLocalStorage<Context> | undefined {
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  const manager: unknown =
    typeof registry === "object" && registry !== null && Reflect.get(registry, "context");
  if (typeof manager !== "object" || manager === null) return undefined;
  return Object.values(manager).find(isStorage);
}

function isStorage(value: unknown): value is AsyncLocalStorage<Context> {
  return value instanceof AsyncLocalStorage;
}
