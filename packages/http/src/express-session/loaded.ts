/** What a request loaded of a session, so that its save writes only what the request has changed. */

/**
 * The name under which the loaded state travels: from the store's `get` through the middleware, which copies the properties of a
 * stored session into its own object, to `set`. A symbol would not be copied.
 */
export const LOADED = "__loaded";

/** The fields of a session, as JSON texts. Left out of JSON, so that neither hashes nor stores see it. */
export class Loaded {
  fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>) {
    this.fields = fields;
  }

  toJSON(): undefined {
    return undefined;
  }
}

export function loadedOf(session: object): Loaded | undefined {
  const loaded: unknown = Reflect.get(session, LOADED);
  return loaded instanceof Loaded ? loaded : undefined;
}

/** The fields that JSON has of a session, each as a text. */
export function fieldsOf(session: object): Map<string, string> {
  const plain: unknown = JSON.parse(JSON.stringify(session));
  return new Map(Object.entries(Object(plain)).map(([name, value]) => [name, JSON.stringify(value)]));
}

/** The changes that lead from the loaded fields to the present ones; `undefined` for a field that was removed. */
export function changesOf(
  loaded: ReadonlyMap<string, string>,
  present: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const [name, text] of present) if (loaded.get(name) !== text) changes[name] = JSON.parse(text);
  for (const name of loaded.keys()) if (!present.has(name)) changes[name] = undefined;
  return changes;
}

export function dataOf(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...fields].map(([name, text]) => [name, JSON.parse(text)]));
}
