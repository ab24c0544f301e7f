import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import { base } from "../base.mjs";
import { contents, pathOnSite } from "../contents.mjs";
import { darkWithoutScript } from "../dark.mjs";
import { anchorOf, linkOnSite } from "../links.mjs";
import { repository, root } from "../repository.mjs";
import { sources } from "../stage.mjs";

const site = {
  repository,
  pages: new Set(sources()),
  isFolder: (path) => statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() === true,
};
const { description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const groups = contents(root).map(({ title, pages }) => ({
  text: title,
  collapsed: false,
  items: [
    ...pages.map((page) => ({ text: page.title, link: `/${pathOnSite(page.source)}` })),
    ...(title === "Reference"
      ? [{ text: "All exports", link: "/api/", items: apiModules(), collapsed: true }]
      : []),
  ],
}));

function apiModules() {
  const index = readFileSync(join(import.meta.dirname, "..", ".pages", "api", "index.md"), "utf8");
  return [...index.matchAll(/^- \[(.+?)\]\((.+?)index\.md\)/gm)].map(([, text, path]) => ({
    text,
    link: `/api/${path}`,
  }));
}

export default defineConfig({
  srcDir: ".pages",
  outDir: "dist",
  cacheDir: "node_modules/.vitepress",
  base,
  lang: "en",
  title: "wsession",
  description,
  lastUpdated: false,
  head: [["meta", { name: "color-scheme", content: "light dark" }]],
  // Without JavaScript nothing sets the class on which the theme's dark colours depend.
  transformHead: () => [["noscript", {}, `<style>${darkWithoutScript()}</style>`]],
  transformPageData(page) {
    const { source } = page.frontmatter;
    // A generated page has no source to link to, and no previous or next page.
    if (source === undefined) Object.assign(page.frontmatter, { editLink: false, prev: false, next: false });
    else page.filePath = source;
  },
  markdown: {
    languageAlias: { acl: "ini" },
    anchor: { slugify: anchorOf },
    config(md) {
      md.core.ruler.push("links-on-site", ({ tokens, env }) => {
        const { source } = env.frontmatter ?? {};
        if (source === undefined) return;
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const link = token.type === "link_open" ? token.attrGet("href") : null;
          if (link !== null) token.attrSet("href", linkOnSite(link, source, site));
        }
      });
    },
  },
  themeConfig: {
    search: { provider: "local", options: { detailedView: false } },
    nav: [
      { text: "Start here", link: "/tutorial" },
      { text: "How do I …?", link: "/how-do-i" },
      { text: "Reference", link: "/reference" },
      { text: "All pages", link: "/contents" },
    ],
    sidebar: groups,
    outline: [2, 3],
    socialLinks: [{ icon: "github", link: repository }],
    editLink: {
      text: "The source of this page",
      pattern: `${repository}/blob/main/:path`,
    },
  },
});
