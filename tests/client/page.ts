/** A page that uses the client, in a real browser. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { onTestFinished } from "vitest";
import type { BrowserDriver, Profile, Tab } from "./browsers/driver.ts";

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

/** What the page keeps in `window.record`, for the test to read. */
export interface PageRecord {
  readonly messages: {
    readonly data: string;
    readonly offset: number | undefined;
    readonly replayed: boolean;
  }[];
  readonly statuses: string[];
  readonly sessions: { readonly id: string; readonly resumed: boolean }[];
  readonly missed: object[];
  readonly leftovers: { readonly data: string; readonly failed: boolean }[];
  /** The close codes after which the client tries again. */
  readonly codes: number[];
  readonly closed: { readonly code: number; readonly why: string }[];
}

const HTML = `<!doctype html><title>client</title><script src="/client.js"></script><script>
  const record = (window.record = { messages: [], statuses: [], sessions: [], missed: [], leftovers: [], codes: [], closed: [] });
  const query = new URLSearchParams(location.search);
  const client = (window.client = wsession.connect("ws://localhost:" + query.get("port") + "/", {
    backoff: { minMs: 20, maxMs: 60 },
    ...(query.has("storage") && { storage: sessionStorage }),
    ...(query.has("silence") && { silenceMs: 500 }),
    ...(query.has("token") && { token: wsession.tokenInStorage(localStorage) }),
  }));
  client.on("message", ({ data, offset, replayed }) => record.messages.push({ data, offset, replayed }));
  client.on("status", ({ status, code }) => {
    record.statuses.push(status);
    if (status === "waiting") record.codes.push(code);
  });
  client.on("session", (session) => record.sessions.push(session));
  client.on("missed", (missed) => record.missed.push(missed));
  client.on("closed", ({ code, why }) => record.closed.push({ code, why }));
  client.on("leftover", ({ data, error }) => record.leftovers.push({ data, failed: error !== undefined }));
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

export function recordOf(tab: Tab): Promise<PageRecord> {
  return tab.evaluate<PageRecord>("window.record");
}

const PATIENCE_MS = 60_000;

/** Resolves once the page satisfies `condition`, an expression of its own. */
export async function untilPage(tab: Tab, condition: string): Promise<void> {
  const late = Date.now() + PATIENCE_MS;
  while (!(await tab.evaluate<boolean>(`Boolean(${condition})`))) {
    if (Date.now() > late) {
      const { statuses, sessions, closed } = await recordOf(tab);
      const reported = JSON.stringify({ statuses: statuses.slice(-10), sessions, closed });
      throw new Error(`the page does not satisfy ${condition}: ${reported}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A browser without cookies, gone when the test is. */
export async function newProfile(browser: BrowserDriver): Promise<Profile> {
  const profile = await browser.newProfile();
  onTestFinished(() => profile.close());
  return profile;
}

/** A tab of a browser without cookies. */
export async function newTab(browser: BrowserDriver, url: string): Promise<Tab> {
  return (await newProfile(browser)).open(url);
}
