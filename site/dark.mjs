// The theme's dark colours for readers without JavaScript: the theme puts them under the class `dark`, which a script sets.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const variables = join(
  import.meta.dirname,
  "node_modules/vitepress/dist/client/theme-default/styles/vars.css",
);

/** The colours, under the reader's own preference. */
export function darkWithoutScript() {
  const blocks = [...readFileSync(variables, "utf8").matchAll(/^\.dark \{\n(.*?)^\}/gms)].map(
    ([, body]) => body,
  );
  if (blocks.length === 0) throw new Error(`${variables} has no dark colours any more.`);
  const colours = `:root{color-scheme:dark;${blocks.join("").replaceAll(/\s*\n\s*/g, "")}}`;
  const code = ".vp-code span{color:var(--shiki-dark,inherit)!important}";
  return `@media (prefers-color-scheme:dark){${colours}${code}}`;
}
