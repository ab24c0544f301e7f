// oxlint-disable vitest/no-standalone-expect -- what waits for the page asserts for the test that calls it
/** A visitor: a browser of their own, and what they do on the page. */
import process from "node:process";
import { chromium } from "playwright-core";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { expect } from "vitest";

const SOON = { timeout: 20_000 };
/** Of each step on a page. Playwright's 30 seconds were too short once, on a very busy machine. */
export const STEP_MS = 50_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function startBrowser(): Promise<Browser> {
  const executablePath = process.env["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

export type Colour = "moss" | "sea" | "indigo" | "plum" | "clay" | "amber";

/** Comes to the page with cookies of their own. */
export class Visitor {
  readonly context: BrowserContext;
  /** What went wrong in the page, and what it asked of other hosts. */
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext) {
    this.context = context;
    context.setDefaultTimeout(STEP_MS);
    context.on("request", (request) => {
      if (new URL(request.url()).hostname !== "localhost") this.complaints.push(`asked for ${request.url()}`);
    });
    context.on("weberror", (error) => this.complaints.push(String(error.error())));
    context.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
  }

  static async arrive(browser: Browser): Promise<Visitor> {
    return new Visitor(await browser.newContext({ viewport: { width: 1280, height: 1000 } }));
  }

  /** `via`: process and runtime to connect through, as in `1-ws`. */
  async open(url: string, via?: string): Promise<Tab> {
    const page = await this.context.newPage();
    await page.goto(via === undefined ? url : `${url}?via=${via}`);
    return new Tab(page);
  }

  async openSecondTab(first: Tab): Promise<Tab> {
    await first.turnTo();
    const opened = this.context.waitForEvent("page");
    await first.page.getByRole("link", { name: /^Open a second tab/ }).click();
    return new Tab(await opened);
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}

export interface Shown {
  readonly id: string;
  readonly name: string;
  readonly colour: string;
  readonly count: string;
  readonly notes: readonly string[];
}

/** What the page shows of the session in addition to its data. */
export type Fact = "served-by" | "resumed" | "presence" | "version";

export class Tab {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async isConnectedThrough(name: string): Promise<void> {
    await this.page.getByText(`Connected through ${name}`, { exact: true }).waitFor();
  }

  async hasEnded(): Promise<void> {
    await this.page.getByText("Session ended", { exact: true }).waitFor();
  }

  /** The latest entry of the log that has `text`. */
  async logged(text: string): Promise<void> {
    await this.page.getByRole("listitem").filter({ hasText: text }).first().waitFor();
  }

  /** What the page says just happened. */
  async says(title: string | RegExp): Promise<void> {
    await this.page.getByRole("status").getByRole("heading", { name: title }).waitFor();
  }

  /** The card of a server in the diagram. */
  server(name: string): Locator {
    return this.page.getByRole("article", { name, exact: true });
  }

  /** As a visitor does before they touch anything; a browser is slow with tabs in the background. */
  async turnTo(): Promise<void> {
    await this.page.bringToFront();
  }

  async press(name: string): Promise<void> {
    await this.turnTo();
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Presses the button of a server in the diagram. */
  async go(how: "Move here" | "Start afresh here", name: string): Promise<void> {
    await this.turnTo();
    await this.server(name).getByRole("button", { name: how }).click();
    await this.isConnectedThrough(name);
  }

  async rename(name: string): Promise<void> {
    await this.turnTo();
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.press("Save");
  }

  async recolour(colour: Colour): Promise<void> {
    await this.turnTo();
    await this.page.getByRole("group", { name: "Colour" }).getByText(colour, { exact: true }).click();
  }

  async note(text: string): Promise<void> {
    await this.turnTo();
    await this.page.getByLabel("New note").fill(text);
    await this.press("Add");
  }

  async shown(): Promise<Shown> {
    const { page } = this;
    return {
      id: await page.locator("#session-id").innerText(),
      name: await page.getByLabel("Name", { exact: true }).inputValue(),
      colour: (await page.locator("html").getAttribute("data-colour")) ?? "",
      count: await page.locator("#count").innerText(),
      notes: await page.locator("#notes li > span").allInnerTexts(),
    };
  }

  async fact(name: Fact): Promise<string> {
    return this.page.locator(`#${name}`).innerText();
  }
}

/** Waits until the page shows `expected`. */
export async function expectToShow(tab: Tab, expected: Partial<Shown>): Promise<void> {
  await expect.poll(() => tab.shown(), SOON).toMatchObject(expected);
}

export async function expectFact(tab: Tab, name: Fact, text: string): Promise<void> {
  await expect.poll(() => tab.fact(name), SOON).toBe(text);
}
