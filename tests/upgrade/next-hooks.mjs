// Makes the packages of this repository those of a next release, as they are loaded. This release reads and writes a part of a record that the
// release before does not define, and reads records of format 2.
/** @import { LoadHook } from "node:module" */

/** @type {Readonly<Record<string, readonly (readonly [before: string, after: string])[]>>} */
const changes = {
  "/packages/store-redis/dist/scripts/generated.js": [
    ["local FORMAT = 1", "local FORMAT = 2"],
    // In create.lua: format 1 suffices to read the record, and "nx" is the part that is new.
    ["more = '',", "more = ' 1 nx',"],
  ],
  "/packages/store-redis/dist/base/record.js": [["const FORMAT = 1;", "const FORMAT = 2;"]],
};

/** @type {LoadHook} */
export const load = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const own = Object.entries(changes).find(([path]) => url.endsWith(path))?.[1];
  if (own === undefined) return loaded;
  let source = Buffer.isBuffer(loaded.source) ? loaded.source.toString() : String(loaded.source);
  for (const [before, after] of own) {
    if (!source.includes(before)) throw new Error(`${url} has no ${before}`);
    source = source.replaceAll(before, after);
  }
  return { ...loaded, source };
};
