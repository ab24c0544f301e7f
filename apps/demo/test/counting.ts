/** "Count to 100" on the page: press, break it in the middle, read the result. */
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { WebSocket } from "ws";
import { NODE } from "./demo.ts";
import type { RunningDemo } from "./demo.ts";
import type { Tab, Visitor } from "./visitor.ts";

const RESULT_WITHIN_MS = 60_000;

interface Lane {
  readonly count: number;
  readonly verdict: string;
}

export interface Result {
  readonly exact: Lane;
  readonly plain: Lane;
}

/** What the page must say where each message counted exactly once. */
export const EXACTLY_ONCE: Lane = {
  count: 100,
  verdict: "Right: each message was counted once, and each answer came once.",
};

export async function startCounting(tab: Tab): Promise<void> {
  await tab.press("Count to 100");
}

/**
 * Resolves when both counters are at `least`, after a press on the button with this id. The page itself presses, because a
 * test's click may come too late. Call it before `startCounting`, because otherwise it may begin to look too late.
 */
export async function whenCounted(tab: Tab, least: number, id?: string): Promise<void> {
  const press = ([from, pressed]: readonly [number, string | undefined]): boolean => {
    const counts = ["exact-count", "plain-count"].map((each) =>
      Number(document.getElementById(each)?.textContent),
    );
    if (counts.some((count) => !(count >= from))) return false;
    if (pressed === undefined) return true;
    const button = document.getElementById(pressed);
    if (button === null || button.getAttribute("aria-disabled") === "true") return false;
    button.click();
    return true;
  };
  await tab.page.waitForFunction(press, [least, id] as const);
}

/** Starts, and breaks it as soon as both counters are at `least`. */
export async function countAndBreak(tab: Tab, least: number): Promise<void> {
  const broken = whenCounted(tab, least, "count-break");
  await startCounting(tab);
  await broken;
}

export async function resultOf(tab: Tab): Promise<Result> {
  await tab.page
    .getByRole("listitem")
    .filter({ hasText: /Counted to 100: \d+ with wsession/ })
    .first()
    .waitFor({ timeout: RESULT_WITHIN_MS });
  return { exact: await laneOf(tab, "exact"), plain: await laneOf(tab, "plain") };
}

async function laneOf({ page }: Tab, lane: "exact" | "plain"): Promise<Lane> {
  return {
    count: Number(await page.locator(`#${lane}-count`).innerText()),
    verdict: await page.locator(`#${lane}-verdict`).innerText(),
  };
}

export interface Described {
  readonly endpoints: readonly { readonly runtime: string; readonly port: number }[];
}

export async function describeDemo({ url }: RunningDemo): Promise<Described> {
  return (await (await fetch(`${url}demo.json`)).json()) as Described;
}

/** The counters in the visitor's session, as a second connection receives them. */
export async function runsInSession(
  visitor: Visitor,
  demo: RunningDemo,
): Promise<readonly { readonly run: string; readonly count: number }[]> {
  const { endpoints } = await describeDemo(demo);
  const cookie = (await visitor.context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const socket = new WebSocket(`ws://localhost:${endpoints[0]!.port}/session`, {
    origin: demo.url.slice(0, -1),
    headers: { cookie },
  });
  try {
    return await new Promise((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data: Buffer) => {
        const report = JSON.parse(data.toString());
        if (report.type === "welcome") resolve(report.session.data.runs ?? []);
      });
    });
  } finally {
    socket.terminate();
  }
}

/**
 * The demo with a mistake: the same handler, run as `message`. The change and the answer are written one by one, and the
 * message's number with neither.
 */
export function withoutTransactions(): readonly string[] {
  const handlers = pathToFileURL(join(import.meta.dirname, "..", "dist", "handlers.js")).href;
  const broken = `
    import * as original from "${handlers}?original";
    export * from "${handlers}?original";
    export function visitorHandlers(serving) {
      const { transaction, message, ...others } = original.visitorHandlers(serving);
      const handle = async (connection, text) => {
        if (!text.includes('"press"')) return message(connection, text);
        const { session } = connection;
        let written;
        await transaction({
          connection,
          data: session.data,
          update: (change) => (written = session.update(change)),
          send: (answer) => (written = written.then(() => session.send(answer))),
        }, text);
        await written;
      };
      return { ...others, message: handle };
    }`;
  const hooks = `export async function load(url, context, next) {
    if (url !== ${JSON.stringify(handlers)}) return next(url, context);
    return { format: "module", shortCircuit: true, source: ${JSON.stringify(broken)} };
  }`;
  const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hooks)}");`;
  const [node, main] = NODE;
  return [node, "--import", `data:text/javascript,${encodeURIComponent(register)}`, main];
}
