/** @import { InitializeHook, ResolveHook } from "node:module" */

let name = "";
let replaced = "";
let replacement = "";

/** @type {InitializeHook<{ name: string, replaced: string, replacement: string }>} */
export const initialize = (data) => {
  ({ name, replaced, replacement } = data);
};

/** @type {ResolveHook} */
export const resolve = async (specifier, context, nextResolve) => {
  const { url, ...rest } = await nextResolve(specifier, context);
  if (!url.startsWith(replaced)) return { url, ...rest };
  const path = url.slice(replaced.length);
  // The entry of another version may be another file.
  if (!path.includes("/") && !path.endsWith(".json"))
    return nextResolve(name, { ...context, parentURL: replacement });
  return nextResolve(`${replacement}${path}`, context);
};
