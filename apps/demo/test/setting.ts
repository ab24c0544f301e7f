import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, onTestFailed } from "vitest";
import { startDemo } from "./demo.ts";
import type { RunningDemo } from "./demo.ts";
import { startBrowser, Visitor } from "./visitor.ts";
import type { Tab } from "./visitor.ts";

/** What the tests of one file share. The properties can be read once the tests run. */
export interface Setting {
  readonly demo: RunningDemo;
  /** A new visitor for each test. */
  readonly visitor: Visitor;
  /** The visitor opens the demo's page. `via`: the process and the runtime to connect through, as in `1-ws`. */
  readonly open: (via?: string) => Promise<Tab>;
}

/** Starts a browser and a demo for the tests of a file, with the arguments that `args` returns. */
export function useDemo(args: () => readonly string[] = () => []): Setting {
  let browser: Browser | undefined;
  let demo: RunningDemo | undefined;
  let visitor: Visitor | undefined;
  beforeAll(async () => {
    [browser, demo] = await Promise.all([startBrowser(), startDemo(args())]);
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), demo?.end()]);
  });
  beforeEach(async () => {
    visitor = await Visitor.arrive(started(browser));
    onTestFailed(() => console.error(`The demo said:\n${demo?.output()}\n${shown}`));
  });
  let shown = "";
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") shown = await shownTo(started(visitor));
    await visitor?.leave();
  });
  return {
    get demo() {
      return started(demo);
    },
    get visitor() {
      return started(visitor);
    },
    open: (via) => started(visitor).open(started(demo).url, via),
  };
}

/** What the pages show, for the report of a failed test. */
async function shownTo({ context }: Visitor): Promise<string> {
  const pages = context.pages().map(async (page) => {
    const lines = await page.locator("#status, .happened, #log li").allInnerTexts();
    return `A page showed:\n${lines.join("\n")}`;
  });
  return (await Promise.all(pages)).join("\n");
}

function started<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the demo is started before the first test");
  return value;
}
