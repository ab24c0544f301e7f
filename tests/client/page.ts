/** A page that uses the client, in a real Chromium. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { rolldown } from "rolldown";
import { onTestFinished } from "vitest";

const entry = join(import.meta.dirname, "../../packages/client/dist/index.js");

/** The client as a page's build makes it: one script, which sets `wsession`. */
export async function bundleClient(): Promise<string> {
  const build = await rolldown({ input: entry, platform: "browser" });
  try {
    const { output } = await build.generate({ format: "iife", name: "wsession", minify: true });
    return output[0].code;
  } finally {
    await build.close();
  }
}

/** What the page keeps in `window.seen`, for the test to read. */
export interface Seen {
  readonly messages: {
    readonly data: string;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  }[];
  readonly statuses: string[];
  readonly sessions: { readonly id: string; readonly resumed: boolean }[];
  readonly missed: object[];
  readonly leftovers: { readonly data: string; readonly failed: boolean }[];
}

const HTML = `<!doctype html><title>client</title><script src="/client.js"></script><script>
  const seen = (window.seen = { messages: [], statuses: [], sessions: [], missed: [], leftovers: [] });
  const query = new URLSearchParams(location.search);
  const client = (window.client = wsession.connect("ws://localhost:" + query.get("port") + "/", {
    backoff: { minMs: 20, maxMs: 60 },
    ...(query.has("storage") && { storage: sessionStorage }),
  }));
  client.on("message", ({ data, offset, replayed }) => seen.messages.push({ data, offset, replayed }));
  client.on("status", ({ status }) => seen.statuses.push(status));
  client.on("session", (session) => seen.sessions.push(session));
  client.on("missed", (missed) => seen.missed.push(missed));
  client.on("leftover", ({ data, error }) => seen.leftovers.push({ data, failed: error !== undefined }));
</script>`;

/** Serves the page; returns its address without a query. */
export async function servePage(script: string): Promise<string> {
  const server = createServer(({ url = "/" }, response) => {
    if (url === "/client.js") response.setHeader("content-type", "text/javascript").end(script);
    else if (url.startsWith("/favicon")) response.writeHead(204).end();
    else response.setHeader("content-type", "text/html").end(HTML);
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}/`;
}

export function seenBy(page: Page): Promise<Seen> {
  return page.evaluate<Seen>("window.seen");
}

/** Resolves once the page satisfies `condition`, an expression of its own. */
export async function untilPage(page: Page, condition: string): Promise<void> {
  await page.waitForFunction(condition, undefined, { timeout: 15_000 });
}

/** A tab of a browser with cookies of its own. */
export async function newTab(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(url);
  return page;
}
