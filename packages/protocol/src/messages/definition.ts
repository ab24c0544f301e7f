import { invalidArgument } from "../errors.ts";
import type { StandardSchemaV1 } from "../schema.ts";

/** The schemas of one direction. A Map, so that a name such as `constructor` finds nothing that nobody defined. */
export type Definition = ReadonlyMap<string, StandardSchemaV1>;

/** `then` would make a promise of `messages.to(…)`, and `__proto__` in a literal is no property. */
const FORBIDDEN: ReadonlySet<string> = new Set(["then", "__proto__"]);

/** Throws INVALID_ARGUMENT for what is no definition. */
export function readDefinition(direction: string, given: unknown): Definition {
  const definition = new Map<string, StandardSchemaV1>();
  if (given === undefined) return definition;
  if (!isObject(given)) throw invalidArgument(`${direction} must be an object with a schema for each name`);
  for (const [name, schema] of Object.entries(given)) {
    if (FORBIDDEN.has(name)) throw invalidArgument(`${direction} must not define the reserved name ${name}`);
    if (!isSchema(schema)) throw invalidArgument(`${direction}.${name} must be a Standard Schema`);
    definition.set(name, schema);
  }
  return definition;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A schema may be a function: those of arktype are. */
function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard: unknown = Reflect.get(value, "~standard");
  return isObject(standard) && typeof standard["validate"] === "function";
}

/**
 * An object that has a member for each name, made as it is asked for: `messages.to(connection)` is called for each message, and
 * must not cost a function for each name. What has no definition is undefined, `then` among it.
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
