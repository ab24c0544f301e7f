/** @import { Mutant } from "./mutants.mjs" */

/** @param {string} test */
const screens = (test) => ["--project", "demo", "apps/demo/test/screens.test.ts", "-t", test];

/** Promises of the demo's pages: dark and light, the keyboard, no layout jumps, "What just happened" in sight.
 * @type {readonly Mutant[]} */
export const demoMutants = [
  {
    name: "demo-no-dark",
    promise: "the pages are dark where the system is dark",
    file: "apps/demo/page/base.css",
    find: "@media (prefers-color-scheme: dark) {",
    replace: "@media (prefers-color-scheme: none) {",
    tests: screens("is dark or light"),
  },
  {
    name: "demo-faint-text",
    promise: "each text of the pages has enough contrast",
    file: "apps/demo/page/base.css",
    find: "--soft: oklch(0.45 0.012 75);",
    replace: "--soft: oklch(0.62 0.012 75);",
    tests: screens("is dark or light"),
  },
  {
    name: "demo-chart-keeps-colours",
    promise: "the chart follows a change of the scheme",
    file: "apps/demo/page/timeline.js",
    find: '.addEventListener("change", make)',
    replace: '.addEventListener("change", () => {})',
    tests: screens("the chart follows"),
  },
  {
    name: "demo-no-focus-ring",
    promise: "the focus is visible",
    file: "apps/demo/page/base.css",
    find: "outline: 2.5px solid var(--accent);",
    replace: "outline: none;",
    tests: screens("order of Tab"),
  },
  {
    name: "demo-strip-covers-focus",
    promise: "the strip does not cover what has the focus",
    file: "apps/demo/page/base.css",
    find: "scroll-padding-bottom: var(--strip);",
    replace: "scroll-padding-bottom: 0;",
    tests: screens("order of Tab"),
  },
  {
    name: "demo-strip-scrolls-away",
    promise: "'What just happened' is in sight wherever one is on the page",
    file: "apps/demo/page/happened.css",
    find: "position: sticky;",
    replace: "position: relative;",
    tests: screens("What just happened"),
  },
  {
    name: "demo-too-wide",
    promise: "no page is wider than a phone",
    file: "apps/demo/page/base.css",
    find: "width: min(100% - 1.75rem, 70rem);",
    replace: "width: 30rem;",
    tests: screens("What just happened"),
  },
  {
    name: "demo-servers-come-late",
    promise: "the first picture of the visitor's page has the servers",
    file: "apps/demo/page/app.js",
    find: "showDemo(given());",
    replace: "",
    tests: screens("nothing jumps"),
  },
  {
    name: "demo-log-grows",
    promise: "the log has one height",
    file: "apps/demo/page/session.css",
    find: "  height: 30rem;",
    replace: "  max-height: 30rem;",
    tests: screens("nothing jumps"),
  },
  {
    name: "demo-log-newest-first",
    promise: "an entry of the log stays where it is when the next one comes",
    file: "apps/demo/page/log.js",
    find: "list.append(entry);",
    replace: "list.prepend(entry);",
    tests: screens("nothing jumps"),
  },
];
