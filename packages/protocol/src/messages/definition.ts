import { invalidArgument } from "../errors.ts";
import type { StandardSchemaV1 } from "../schema.ts";

/** The schemas of one direction. A Map, because an object would find inherited members for a name such as `constructor`. */
export type Definition = ReadonlyMap<string, StandardSchemaV1>;

/** A message `then` would make `messages.to(…)` a thenable, and `__proto__` in an object literal does not define a property. */
const FORBIDDEN: ReadonlySet<string> = new Set(["then", "__proto__"]);

/** Throws INVALID_ARGUMENT unless `given` is a valid definition. */
export function readDefinition(direction: string, given: unknown): Definition {
  const definition = new Map<string, StandardSchemaV1>();
  if (given === undefined) return definition;
  if (!isPlain(given)) throw invalidArgument(`${direction} must be an object with a schema for each name`);
  for (const [name, schema] of Object.entries(given)) {
    if (FORBIDDEN.has(name)) throw invalidArgument(`${direction} must not define the reserved name ${name}`);
    if (!isSchema(schema)) throw invalidArgument(`${direction}.${name} must be a Standard Schema`);
    definition.set(name, schema);
  }
  return definition;
}

/** A Map or a promise would look like an object without members. A module's namespace is allowed. */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && /^\[object (?:Object|Module)\]$/.test(Object.prototype.toString.call(value));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Throws INVALID_ARGUMENT for options or a callback after the last parameter, because they would be ignored. A number is allowed,
 * because `Array.prototype.map` passes an index.
 */
export function assertNoMore(where: string, surplus: unknown): void {
  if ((typeof surplus === "object" && surplus !== null) || typeof surplus === "function")
    throw invalidArgument(`${where} takes no further argument`);
}

/** A schema may be a function: those of arktype are. */
function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return isObject(standard) && typeof standard["validate"] === "function";
}

/**
 * An object with a member for each name. A member is created at its first access, because `messages.to(connection)` is called
 * for each message and must not create a function for each name. A name without a definition is undefined, also `then`.
 */
export function byName<Member>(
  definition: Definition,
  make: (name: string, schema: StandardSchemaV1) => Member,
): Readonly<Record<string, Member>> {
  const members: Readonly<Record<string, Member>> = Object.freeze({});
  return new Proxy(members, {
    get(_target, name) {
      const schema = typeof name === "string" ? definition.get(name) : undefined;
      return typeof name === "string" && schema !== undefined ? make(name, schema) : undefined;
    },
  });
}
