/** WebKitGTK's MiniBrowser, over WebDriver, on an X server without a screen. A driver process serves one profile. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { freePort } from "../../../scripts/free-port.mjs";
import type { BrowserDriver, KeptCookie, Profile, Tab } from "./driver.ts";

interface Opened {
  readonly sessionId: string;
  readonly capabilities: { readonly browserVersion: string };
}

export async function startWebKit(): Promise<BrowserDriver> {
  const screen = await startScreen();
  const probe = await startProfile(screen.display);
  await probe.profile.close();
  return {
    name: "WebKitGTK",
    version: probe.version,
    reads1012: false,
    newProfile: async () => (await startProfile(screen.display)).profile,
    close: () => end(screen.process),
  };
}

/** Xvfb chooses a free display, and writes its number to the descriptor 3. */
async function startScreen() {
  const program = process.env["WSESSION_XVFB"] ?? "Xvfb";
  const screen = spawn(program, ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [number] = (await once(screen.stdio[3]!, "data")) as [Buffer];
  return { process: screen, display: `:${number.toString().trim()}` };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Debian has the browser in the folder of the library, which has the name of the machine's architecture. */
function miniBrowser(): string {
  const folders = readdirSync("/usr/lib").flatMap((name) =>
    ["4.1", "6.0", "4.0"].map((version) => `/usr/lib/${name}/webkit2gtk-${version}/MiniBrowser`),
  );
  const file = process.env["WSESSION_MINIBROWSER"] ?? folders.find((path) => existsSync(path));
  if (file === undefined) throw new Error("MiniBrowser of WebKitGTK is not installed");
  return file;
}

async function startProfile(
  display: string,
): Promise<{ readonly profile: Profile; readonly version: string }> {
  const port = await freePort();
  const program = process.env["WSESSION_WEBKIT_DRIVER"] ?? "WebKitWebDriver";
  const driver = spawn(program, [`--port=${port}`], {
    stdio: "ignore",
    env: { ...process.env, DISPLAY: display },
  });
  const call = async <Value>(method: string, path: string, body?: object): Promise<Value> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { value } = (await response.json()) as { readonly value: Value };
    if (!response.ok) throw new Error(`WebDriver ${path}: ${JSON.stringify(value)}`);
    return value;
  };
  await untilListening(() => call("GET", "/status"));
  const options = { binary: miniBrowser(), args: ["--automation"] };
  const { sessionId, capabilities } = await call<Opened>("POST", "/session", {
    capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } },
  });
  const path = `/session/${sessionId}`;
  // WebDriver has a current window, so one command at a time may choose it.
  let last: Promise<unknown> = Promise.resolve();
  const inWindow = <Value>(handle: string, run: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(async () => {
      await call("POST", `${path}/window`, { handle });
      return run();
    });
    last = turn.catch(() => undefined);
    return turn;
  };
  let first: string | undefined = await call<string>("GET", `${path}/window`);
  const open = async (url: string): Promise<Tab> => {
    const handle =
      first ??
      (await call<{ readonly handle: string }>("POST", `${path}/window/new`, { type: "tab" })).handle;
    first = undefined;
    await inWindow(handle, () => call("POST", `${path}/url`, { url }));
    return {
      evaluate: <Value>(expression: string) => inWindow(handle, () => evaluate<Value>(expression)),
      reload: () => inWindow(handle, () => call("POST", `${path}/refresh`, {})),
    };
  };
  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const answer = await call<{ readonly value: Value } | { readonly error: string }>(
      "POST",
      `${path}/execute/async`,
      { script: EVALUATE, args: [expression] },
    );
    if ("error" in answer) throw new Error(answer.error);
    return answer.value;
  };
  return {
    version: capabilities.browserVersion,
    profile: {
      open,
      cookies: () => call<readonly KeptCookie[]>("GET", `${path}/cookie`),
      async close() {
        await call("DELETE", path);
        await end(driver);
      },
    },
  };
}

const EVALUATE = `const [expression, done] = arguments;
  new Promise((resolve) => resolve((0, eval)(expression)))
    .then((value) => done({ value: value ?? null }), (error) => done({ error: String(error) }));`;

async function untilListening(ask: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await ask();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("WebKitWebDriver does not listen");
}
