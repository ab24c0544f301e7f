/** The data of a session as a request loaded it. A save compares with it, and writes only the fields that the request changed. */
import { SessionError } from "@wsession/core";
import { invalidArgument } from "@wsession/core/runtime";

/**
 * The name under which the loaded state travels: from the store's `get` through the middleware, which copies the properties of a
 * stored session into its own object, to `set`. A symbol would not be copied.
 */
export const LOADED = "__loaded";

/** The fields of a session, as JSON texts. JSON leaves the object out, so neither hashes nor other stores contain the fields. */
export class Loaded {
  readonly sid: string;
  fields: ReadonlyMap<string, string>;

  constructor(sid: string, fields: ReadonlyMap<string, string>) {
    this.sid = sid;
    this.fields = fields;
  }

  toJSON(): undefined {
    return undefined;
  }
}

/**
 * The loaded state of this session; `undefined` for that of another session. Applications copy all fields of a session into the
 * session that `regenerate` made (passport: `keepSessionInfo`). The copy includes the loaded state of the earlier session, which
 * must not be compared with the new one.
 */
export function loadedOf(session: object, sid: string): Loaded | undefined {
  const loaded: unknown = Reflect.get(session, LOADED);
  return loaded instanceof Loaded && loaded.sid === sid ? loaded : undefined;
}

/**
 * Puts the loaded state on a session, under a name that `Object.keys` and loops do not list. Otherwise an application that deletes all
 * fields for a logout would delete the loaded state too. The save would then replace all data, also fields that others have changed.
 */
export function putLoaded(session: object, loaded: Loaded): void {
  Object.defineProperty(session, LOADED, {
    value: loaded,
    enumerable: false,
    writable: true,
    configurable: true,
  });
}

/** @throws INVALID_ARGUMENT for a session that is not an object. */
export function assertSession(where: string, session: unknown): asserts session is object {
  if (typeof session !== "object" || session === null)
    throw invalidArgument(`${where}: the session must be an object`);
}

/**
 * The fields of a session that JSON contains, each as a text.
 *
 * @throws NOT_SERIALISABLE for data that JSON can't represent, such as a circular reference.
 */
export function fieldsOf(session: object): Map<string, string> {
  const plain: unknown = JSON.parse(textOf(session));
  return new Map(Object.entries(Object(plain)).map(([name, value]) => [name, JSON.stringify(value)]));
}

function textOf(session: object): string {
  try {
    return JSON.stringify(session);
  } catch (cause) {
    const message = "the session has data that can't be written as JSON";
    throw new SessionError("NOT_SERIALISABLE", message, { cause, outcome: "not-applied" });
  }
}

/** The changes that lead from the loaded fields to the present ones; `undefined` for a field that was removed. */
export function changesOf(
  loaded: ReadonlyMap<string, string>,
  present: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const changed = [...present].filter(([name, text]) => loaded.get(name) !== text);
  const removed = [...loaded.keys()].filter((name) => !present.has(name));
  // An assignment to `__proto__` would not create a field.
  return Object.fromEntries([
    ...changed.map(([name, text]) => [name, JSON.parse(text)]),
    ...removed.map((name) => [name, undefined]),
  ]);
}

export function dataOf(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...fields].map(([name, text]) => [name, JSON.parse(text)]));
}
