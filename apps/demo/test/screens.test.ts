// oxlint-disable vitest/no-standalone-expect -- what waits for the page asserts for the test that calls it
/** Both pages on both screens: dark and light, no layout jumps, the keyboard, and "What just happened" in sight. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFailed } from "vitest";
import { exact, plain } from "../page/words-counting.js";
import { startDemo } from "./demo.ts";
import type { RunningDemo } from "./demo.ts";
import {
  chartPixels,
  coloursOf,
  overflow,
  pressByScript,
  recordShifts,
  SCREENS,
  seesHappened,
  shiftsOf,
  stickingOut,
  tabThrough,
  unreached,
} from "./screens.ts";
import { startBrowser, STEP_MS } from "./visitor.ts";

const SOON = { timeout: 20_000 };
const KINDS = ["visitor", "operator"] as const;
type Kind = (typeof KINDS)[number];
const VIEWS = KINDS.flatMap((kind) => SCREENS.map((screen) => ({ kind, ...screen })));

let browser: Browser;
let demo: RunningDemo;
const contexts: BrowserContext[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  [browser, demo] = await Promise.all([startBrowser(), startDemo(["--redis"])]);
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  expect(complaints.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser.close();
  await demo.end();
});

interface View {
  readonly kind: Kind;
  readonly width: number;
  readonly height: number;
}

/** Opens a page in a browser window of its own, and waits until it shows the demo. */
async function open({ kind, width, height }: View): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height } });
  contexts.push(context);
  context.setDefaultTimeout(STEP_MS);
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await recordShifts(context);
  const page = await context.newPage();
  await page.goto(kind === "visitor" ? `${demo.url}?via=1-ws` : `${demo.url}operator`);
  if (kind === "visitor") await connected(page);
  else await states(page, ["runs", "runs", "runs", "runs", "runs"]);
  return page;
}

async function connected(page: Page): Promise<void> {
  await page.locator("#status[data-phase=open]").waitFor();
}

async function says(page: Page, title: string | RegExp): Promise<void> {
  await page.getByRole("status").getByRole("heading", { name: title }).waitFor();
}

/** Waits for the states of the four processes and of Redis on the operator's page. */
async function states(page: Page, expected: readonly string[]): Promise<void> {
  await expect.poll(() => page.locator(".card .state").allInnerTexts(), SOON).toEqual(expected);
}

async function operate(action: string): Promise<void> {
  const headers = { origin: new URL(demo.url).origin };
  expect((await fetch(`${demo.url}operator/${action}`, { method: "POST", headers })).status).toBe(204);
}

describe.each(VIEWS)("the page of the $kind on $screen", (view) => {
  it("is dark or light as the system is, also if that changes, and each text can be read", async () => {
    const page = await open(view);
    const [light, dark] = [await coloursOf(page), await inScheme(page, "dark")];
    expect(dark.background).not.toBe(light.background);
    expect(dark.text).not.toBe(light.text);
    expect([light.faint, dark.faint]).toEqual([[], []]);
    expect(await inScheme(page, "light")).toEqual(light);
  });

  it("has every control in the order of Tab, with a visible focus", async () => {
    const page = await open(view);
    const visitor = view.kind === "operator" ? await open({ ...view, kind: "visitor" }) : page;
    await connected(visitor);
    // The page has rows: a session, a note. A row that came during the steps of Tab would be a control that Tab did not reach.
    if (view.kind === "operator") {
      const id = await visitor.locator("#session-id", { hasText: /^[\w-]{16,}$/ }).textContent(SOON);
      await page
        .locator("details")
        .filter({ hasText: id ?? "no session" })
        .waitFor(SOON);
    } else await addNote(page);
    await page.bringToFront();
    // Otherwise the page scrolls slowly to what has the focus.
    await page.emulateMedia({ reducedMotion: "reduce" });
    const stops = await tabThrough(page);
    expect(stops.filter(({ fault }) => fault !== "")).toEqual([]);
    expect(await unreached(page)).toEqual([]);
    expect(stops.length).toBeGreaterThan(15);
  });

  it("has 'What just happened' in sight wherever one is on the page, and is not wider than the screen", async () => {
    const page = await open(view);
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      await page.evaluate((share) => {
        scrollTo({ top: share * document.documentElement.scrollHeight, behavior: "instant" });
      }, part);
      expect([part, await seesHappened(page)]).toEqual([part, true]);
    }
    expect(await overflow(page)).toBe(0);
  });
});

describe.each(SCREENS)("the visitor's page on $screen", (screen) => {
  it("keeps a name, a note and a user of 60 wide characters without a space in their boxes", async () => {
    const page = await open({ kind: "visitor", ...screen });
    const wide = "W".repeat(60);
    for (const [label, button] of [
      ["Name", "Save"],
      ["New note", "Add"],
      ["User", "Log in"],
    ] as const) {
      await page.getByLabel(label).fill(wide);
      await page.getByRole("button", { name: button }).click();
    }
    await says(page, `Logged in as ${wide}`);
    const remove = page.getByRole("button", { name: "Remove the note" });
    await remove.waitFor();
    await expect.poll(() => page.locator("#session-node-name").textContent(), SOON).toBe(wide);
    expect(await stickingOut(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    // In one line.
    expect(await remove.evaluate((button) => button.getBoundingClientRect().height)).toBeLessThan(30);
  });
});

async function inScheme(page: Page, colorScheme: "dark" | "light") {
  await page.emulateMedia({ colorScheme });
  // The colours of controls change over 150 ms.
  await page.evaluate(() => Promise.all(document.getAnimations().map(({ finished }) => finished)));
  return coloursOf(page);
}

async function addNote(page: Page): Promise<void> {
  await page.getByLabel("New note").fill("A note");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("button", { name: "Remove the note A note" }).waitFor();
}

it("the chart follows the scheme while the page is open", async () => {
  const page = await open({ kind: "operator", ...SCREENS[0] });
  await expect.poll(() => chartPixels(page, "--rule"), SOON).toBeGreaterThan(500);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await expect.poll(() => chartPixels(page, "--rule"), SOON).toBeGreaterThan(500);
  }
});

/** The longest verdict of each kind, for both lanes. */
function allVerdicts(): readonly string[] {
  const settled = { settled: 100, count: 100, isSure: true, refused: new Map(), answers: new Map() };
  const refused = { ...settled, refused: new Map([["STORE_UNAVAILABLE", 12]]) };
  const once = { ...settled, answers: new Map(Array.from({ length: 100 }, (_, index) => [index, 1])) };
  const answered = { count: 100, unanswered: 0, breaks: 1, isOpen: true };
  return [
    ...[{ ...settled, isSure: false }, refused, once, settled, { ...settled, count: 88 }].flatMap(
      (counting) => [exact(counting, true).text, exact(counting, false).text],
    ),
    ...[answered, { ...answered, breaks: 0 }, { ...answered, count: 112 }, { ...answered, count: 88 }].map(
      (counting) => plain(counting).text,
    ),
  ];
}

it.each(SCREENS)("no verdict of a count moves what is below it, on $screen", async (screen) => {
  const page = await open({ kind: "visitor", ...screen });
  const heights = await page.evaluate((texts) => {
    const lanes = [...document.querySelectorAll<HTMLElement>(".verdict")];
    return texts.map((text) => {
      for (const lane of lanes) lane.textContent = text;
      return lanes.map((lane) => `${lane.offsetHeight} pixels: ${text}`);
    });
  }, allVerdicts());
  const first = heights[0]?.map((height) => Number.parseInt(height, 10)) ?? [];
  const others = heights.flatMap((lanes) =>
    lanes.filter((height, lane) => Number.parseInt(height, 10) !== first[lane]),
  );
  expect(first).toHaveLength(2);
  expect(others).toEqual([]);
});

it("nothing jumps: load, sessions, a process killed and back, Redis stopped and started, the end of a session", async () => {
  onTestFailed(() => console.error(`The demo said:\n${demo.output()}`));
  // On the screen as it is, and on one that shows the whole page.
  const views = VIEWS.flatMap((view) => [view, { ...view, height: 6_000 }]);
  const pages = await Promise.all(views.map(open));
  const ofKind = (kind: Kind): Page[] => pages.filter((_, index) => views[index]?.kind === kind);
  const [visitors, operators] = [ofKind("visitor"), ofKind("operator")];
  const all = <Result>(list: Page[], step: (page: Page) => Promise<Result>) => Promise.all(list.map(step));

  await all(operators, (page) => expect.poll(() => page.locator("summary").count(), SOON).toBeGreaterThan(3));
  await all(visitors, (page) => pressByScript(page, "+25 in one tick"));
  await all(visitors, (page) => says(page, "Saved as version 26"));
  await all(visitors, (page) => pressByScript(page, "Count to 100"));
  const verdicts = (page: Page) => page.locator(".lane[data-outcome]").count();
  await all(visitors, (page) => expect.poll(() => verdicts(page), SOON).toBe(2));
  await all(visitors, (page) => pressByScript(page, "Drop me, and send 3 messages"));
  await all(visitors, (page) => says(page, "Kept message 3 of 3"));

  await operate("processes/2/kill");
  await all(operators, (page) => page.getByText("Process 2 serves again").first().waitFor());
  await operate("processes/4/stop");
  await all(operators, (page) => page.getByText("stopped (SIGSTOP)").waitFor());
  await operate("processes/4/continue");
  await all(operators, (page) => states(page, ["runs", "runs", "runs", "runs", "runs"]));
  await all(visitors, connected);

  // Without Redis, the server closes a connection whose message it can't count. The visitor could not press "One more" then.
  await all(visitors, (page) => page.getByText("Counted to 100:").waitFor());
  await operate("stop-redis");
  const without = "runs without its store";
  await all(operators, (page) => states(page, [without, without, without, without, "stopped"]));
  await all(visitors, (page) => pressByScript(page, "One more"));
  await all(visitors, (page) => says(page, "Not saved: STORE_UNAVAILABLE"));
  await operate("start-redis");
  await all(operators, (page) => states(page, ["runs", "runs", "runs", "runs", "runs"]));

  await all(visitors, (page) => pressByScript(page, "Drop the connection"));
  await all(visitors, (page) => says(page, /same session/i));
  await all(visitors, (page) => pressByScript(page, "Destroy the session"));
  await all(visitors, (page) => says(page, "The session is destroyed"));
  await all(operators, (page) => page.getByText("is destroyed").first().waitFor());
  await all(visitors, (page) =>
    page
      .getByRole("button", { name: /^Start afresh/ })
      .first()
      .dispatchEvent("click"),
  );
  await all(visitors, connected);

  const found = await all(pages, shiftsOf);
  expect(
    found.map((shifts, index) => ({ ...views[index], shifts })).filter(({ shifts }) => shifts.length > 0),
  ).toEqual([]);
}, 180_000);
