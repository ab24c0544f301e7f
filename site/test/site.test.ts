/** The built site: its links, and a reader with a computer, a phone, a dark room, without JavaScript, without a network. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, posix } from "node:path";
import process from "node:process";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base } from "../base.mjs";
import { contents, pathOnSite } from "../contents.mjs";
import { repository, root } from "../repository.mjs";
import { serve } from "../server.mjs";

const folder = join(import.meta.dirname, "..", "dist");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".html"),
);
const html = new Map(files.map((name) => [`/${name}`, readFileSync(join(folder, name), "utf8")]));
const listed = contents(root).flatMap(({ pages }) => pages);

describe("links", () => {
  test("each link within the site leads to a page or a file of the site, and to an id where it names one", () => {
    const all = new Set(readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => `/${name}`));
    const ids = new Map([...html].map(([page, text]) => [page, new Set(valuesOf(text, "id"))]));
    const broken = [...html].flatMap(([page, text]) =>
      valuesOf(text, "href")
        .filter((link) => !/^[a-z]+:/.test(link))
        .filter((link) => {
          const [place = "", anchor = ""] = link.split("#");
          const target = targetOf(page, place);
          if (!all.has(target)) return true;
          return (
            anchor !== "" && html.has(target) && ids.get(target)?.has(decodeURIComponent(anchor)) !== true
          );
        })
        .map((link) => `${page}: ${link}`),
    );
    expect(broken).toEqual([]);
    expect(html.size).toBeGreaterThan(100);
  });

  test("each link to the repository leads to a file or a folder of it", () => {
    const links = new Set([...html.values()].flatMap((text) => valuesOf(text, "href")));
    const paths = [...links]
      .map((link) => link.split("#")[0] ?? "")
      .filter((link) => link.startsWith(`${repository}/`))
      .map((link) => /\/(?:blob|tree)\/main\/(.*)$/.exec(link)?.[1] ?? link)
      .filter((path) => !path.startsWith(repository));
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsInRepository(path))).toEqual([]);
  });

  test("the page of each source file is in the site, and each entry point of each package is in the reference", () => {
    expect(listed.filter(({ source }) => !html.has(`/${pathOnSite(source)}.html`))).toEqual([]);
    const index = html.get("/api/index.html") ?? "";
    const names = readdirSync(join(root, "packages"))
      .filter((name) => !["cli", "create-wsession"].includes(name))
      .map((name) => `@wsession/${name}`);
    expect(
      [...names, "@wsession/core/runtime", "@wsession/protocol/messages"].filter(
        (name) => !index.includes(name),
      ),
    ).toEqual([]);
  });
});

describe("a reader", () => {
  let server: Server;
  let browser: Browser;
  let origin: string;

  beforeAll(async () => {
    server = await serve(folder, 0, base);
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath: process.env["WSESSION_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  /** Opens pages one after another, and resolves with what the pages said on the console and asked of other hosts. */
  async function read(
    options: BrowserContextOptions,
    visit: (page: Page) => Promise<void>,
  ): Promise<string[]> {
    // `goto` takes paths without a slash at their start.
    const context = await browser.newContext({ baseURL: `${origin}${base}`, ...options });
    const complaints: string[] = [];
    await context.route(
      (url) => url.origin !== origin,
      async (route) => {
        complaints.push(`asks ${route.request().url()}`);
        await route.abort();
      },
    );
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    try {
      await visit(page);
    } finally {
      await context.close();
    }
    return complaints;
  }

  test("finds a page, and an exported name, by the search, while no other host can be reached", async () => {
    const complaints = await read({}, async (page) => {
      await page.goto("./");
      for (const [words, path] of [
        ["planted token login", "security.html"],
        ["destroySubject", "api/core/interfaces/Sessions.html#destroysubject"],
        ["redisStore", "api/store-redis/functions/redisStore.html"],
      ] as const) {
        await page.getByRole("button", { name: "Search" }).first().click();
        await page.locator("#localsearch-input").fill(words);
        await page.locator(`#localsearch-list a[href^="${base}${path}"]`).first().waitFor();
        await page.keyboard.press("Escape");
      }
    });
    expect(complaints).toEqual([]);
  });

  test("reads each page on a phone: nothing but a table or a code block scrolls sideways", async () => {
    const complaints = await read(
      { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
      async (page) => {
        const wide: string[] = [];
        const samples = [
          "api/core/interfaces/Connection.html",
          "api/core/functions/createSessions.html",
          "api/core/index.html",
        ];
        for (const path of ["./", ...listed.map(({ source }) => `${pathOnSite(source)}.html`), ...samples]) {
          await page.goto(path);
          const width = await page.evaluate(() => document.documentElement.scrollWidth);
          if (width > 360) wide.push(`${path} is ${width} wide`);
        }
        expect(wide).toEqual([]);
      },
    );
    expect(complaints).toEqual([]);
  });

  test("reads in the dark, with JavaScript and without", async () => {
    for (const javaScriptEnabled of [true, false]) {
      const complaints = await read({ colorScheme: "dark", javaScriptEnabled }, async (page) => {
        await page.goto("tutorial.html");
        const lightness = await coloursOf(page);
        expect(lightness.background).toBeLessThan(60);
        expect(lightness.text).toBeGreaterThan(180);
        expect(lightness.code).toBeGreaterThan(100);
      });
      expect(complaints).toEqual([]);
    }
  });

  test("reads the whole text without JavaScript, and reaches each page by links", async () => {
    const complaints = await read({ javaScriptEnabled: false }, async (page) => {
      for (const { source } of listed) {
        await page.goto(`${pathOnSite(source)}.html`);
        const headings = [
          ...readFileSync(join(root, source), "utf8")
            .replaceAll(/^```.*?^```$/gms, "")
            .matchAll(/^## (.*)$/gm),
        ];
        const shown = await page.locator(".vp-doc h2:visible").count();
        expect({ source, shown }).toEqual({ source, shown: headings.length });
      }
      await page.goto("contents.html");
      const links = await page
        .locator(".vp-doc a:visible")
        .evaluateAll((all) => all.map((link) => link.getAttribute("href")));
      expect(
        listed.filter(
          ({ source }) => !links.includes(`${base}${pathOnSite(source)}.html`.replace(/\/index\.html$/, "/")),
        ),
      ).toEqual([]);
    });
    expect(complaints).toEqual([]);
  });

  test("a page that is wider than the phone, and one that sends a request to another host, are detected", async () => {
    const complaints = await read({ viewport: { width: 360, height: 740 } }, async (page) => {
      await page.goto("tutorial.html");
      await page.evaluate(() => {
        document.body.append(
          Object.assign(document.createElement("p"), { style: "width: 900px", textContent: "wide" }),
        );
        console.error("planted");
        return fetch("https://example.com/").catch(() => undefined);
      });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeGreaterThan(360);
    });
    expect(complaints).toEqual(expect.arrayContaining(["planted", "asks https://example.com/"]));
  });
});

/** How light the page, its text and its code are: 0 to 255. */
function coloursOf(page: Page): Promise<{ background: number; text: number; code: number }> {
  return page.evaluate(() => {
    const lightness = (colour: string) => {
      const [red = 0, green = 0, blue = 0] = [...colour.matchAll(/[\d.]+/g)].map(Number);
      return (red + green + blue) / 3;
    };
    const code = document.querySelector(".vp-code span span") ?? document.body;
    const text = document.querySelector(".vp-doc p") ?? document.body;
    return {
      background: lightness(getComputedStyle(document.body).backgroundColor),
      text: lightness(getComputedStyle(text).color),
      code: lightness(getComputedStyle(code).color),
    };
  });
}

/** The file that a link leads to. */
function targetOf(page: string, place: string): string {
  if (place === "") return page;
  const path = decodeURIComponent(place);
  if (path.startsWith("/") && !path.startsWith(base)) return `${path} is outside of ${base}`;
  const absolute = path.startsWith("/")
    ? `/${path.slice(base.length)}`
    : posix.join(posix.dirname(page), path);
  return absolute.endsWith("/") ? `${absolute}index.html` : absolute;
}

/** The values of an attribute. The text of code blocks has no tags of its own. */
function valuesOf(text: string, attribute: "href" | "id"): string[] {
  const tags = text
    .replaceAll(/<script.*?<\/script>/gs, "")
    .matchAll(new RegExp(`<[^>]*?\\s${attribute}="([^"]*)"`, "g"));
  return [...tags].map(([, value = ""]) => value.replaceAll("&amp;", "&"));
}

function existsInRepository(path: string): boolean {
  return existsSync(join(root, path));
}
