/** What the demo writes to the terminal. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRedis } from "../../../packages/store-redis/test/redis-server.ts";
import { NODE, NPM, runDemo, startDemo } from "./demo.ts";
import { expectFact, startBrowser, Visitor } from "./visitor.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
});

interface TakenPort {
  readonly port: number;
  readonly free: () => Promise<void>;
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, "close");
}

/**
 * A port with a server, and `freeBefore` free ports before it. The ports are below those that systems assign, so that no other
 * program gets one of them meanwhile.
 */
async function takenPort(freeBefore = 0): Promise<TakenPort> {
  for (let first = randomInt(10_000, 30_000); ; first = randomInt(10_000, 30_000)) {
    const servers = Array.from({ length: freeBefore + 1 }, (_, index) =>
      createServer().listen(first + index, "127.0.0.1"),
    );
    const listening = await Promise.allSettled(servers.map((server) => once(server, "listening")));
    const ours = servers.filter((_, index) => listening[index]?.status === "fulfilled");
    const last = servers.at(-1)!;
    const found = ours.length === servers.length;
    await Promise.all(ours.filter((server) => !found || server !== last).map(close));
    if (found) return { port: first + freeBefore, free: () => close(last) };
  }
}

describe("npm run demo", () => {
  it("prints one URL", async () => {
    const demo = await startDemo();
    const { output } = await demo.end();
    expect(output.match(/\w+:\/\//g)).toHaveLength(1);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("closes the sessions on %s and exits with 0", async (signal) => {
    const demo = await startDemo();
    const visitor = await Visitor.arrive(browser);
    const [first, second] = [await visitor.open(demo.url, "1-ws"), await visitor.open(demo.url, "1-uws")];
    await first.isConnectedThrough("ws");
    await second.isConnectedThrough("uWebSockets.js");
    const ending = demo.end(signal);
    for (const tab of [first, second]) await tab.logged("1012 the server restarts");
    expect(await ending).toMatchObject({ code: 0, signal: null });
    await visitor.leave();
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends when npm is sent %s", async (signal) => {
    const demo = await startDemo([], NPM);
    // Resolves when no process has its output open any more.
    expect(await demo.end(signal)).toMatchObject({ code: 0, signal: null });
    await expect(fetch(demo.url)).rejects.toThrow("fetch failed");
  });

  it("says that the page's port is taken", async () => {
    const { port, free } = await takenPort();
    const { code, output } = await runDemo(["--port", String(port)]);
    await free();
    expect(code).toBe(1);
    expect(output).toBe(
      `wsession demo: port ${port} is taken (is the demo running already?). ` +
        "Choose another: npm run demo -- --port 4180\n",
    );
  });

  it("says that the port of the server beside the page is taken", async () => {
    const { port, free } = await takenPort(1);
    const { code, output } = await runDemo(["--port", String(port - 1)]);
    await free();
    expect(code).toBe(1);
    expect(output).toContain(`port ${port} is taken`);
  });

  it.each([
    [["--port", "http"], "--port takes a whole number"],
    [["--port", "70000"], "--port takes a whole number"],
    [["--processes", "3"], "--processes needs --redis URL"],
    [["--redis", "localhost"], "--redis takes a URL"],
    [["--colour"], "The option --colour can't be read"],
  ])("%j is refused in a sentence", async (args, sentence) => {
    const { code, output } = await runDemo(args);
    expect(code).toBe(1);
    expect(output).toContain(sentence);
    expect(output).not.toContain("    at ");
  });

  it("--help prints the help", async () => {
    const { code, output } = await runDemo(["--help"]);
    expect(code).toBe(0);
    expect(output).toContain("--redis URL");
  });

  it("runs with ws alone where uWebSockets.js can't be loaded", async () => {
    const hooks = `export async function resolve(specifier, context, next) {
      if (specifier === "uWebSockets.js") throw new Error("no binary for this platform");
      return next(specifier, context);
    }`;
    const register = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hooks)}");`;
    const [node, main] = NODE;
    const hooked = [node, "--import", `data:text/javascript,${encodeURIComponent(register)}`, main];
    let demo = await startDemo([], hooked);
    expect(demo.output()).toContain(
      "uWebSockets.js could not be loaded (no binary for this platform), so ws runs alone.",
    );
    const visitor = await Visitor.arrive(browser);
    const tab = await visitor.open(demo.url);
    await tab.isConnectedThrough("ws");
    const { id } = await tab.shown();
    await tab.press("Drop the connection");
    await tab.logged("1006 dropped: no closing handshake");
    await tab.isConnectedThrough("ws");
    await expectFact(tab, "resumed", "resumed");
    expect((await tab.shown()).id).toBe(id);
    expect(await tab.page.getByText("Come back through another server", { exact: true }).count()).toBe(0);
    // The demo is started again, and the page that stayed open comes back. Its session was in the process that ended.
    expect(await demo.end()).toMatchObject({ code: 0 });
    demo = await startDemo(["--port", new URL(demo.url).port], hooked);
    await expectFact(tab, "resumed", "fresh");
    await tab.isConnectedThrough("ws");
    await visitor.leave();
    expect(await demo.end()).toMatchObject({ code: 0 });
  });
});

describe("npm run demo -- --redis", () => {
  it("says that Redis can't be reached, without its password", async () => {
    const { port, free } = await takenPort();
    await free();
    const { code, output } = await runDemo([
      "--port",
      "0",
      "--redis",
      `redis://user:secret@127.0.0.1:${port}`,
    ]);
    expect(code).toBe(1);
    expect(output).toBe(
      `wsession demo: Redis at redis://127.0.0.1:${port} can't be used: connect ECONNREFUSED 127.0.0.1:${port}. ` +
        "Start one, or run the demo without --redis.\n",
    );
  });

  it.each([
    ["redis://:s3cr/et@127.0.0.1:1"],
    ["redis://:a@s3cret@127.0.0.1:1"],
    ["redis://127.0.0.1:1/0?password=s3cret"],
    ["redis://:s3cret@[::1"],
    ["redis://:s3cret@127.0.0.1:99999"],
    ["redis://:s3cret#x@127.0.0.1:1"],
    ["redis://:%zzs3cret@127.0.0.1:1"],
  ])("refuses %s in a sentence without its password", async (url) => {
    const { code, output } = await runDemo(["--port", "0", "--redis", url]);
    expect(code).toBe(1);
    expect(output).toMatch(
      /^wsession demo: (?:--redis takes a URL|Redis at redis:\/\/127\.0\.0\.1:1 can't be used)/,
    );
    expect(output).not.toMatch(/s3cr|et@|    at /);
  });

  it.each([
    [["redis://:s3cret@localhost"]],
    [["--port", "redis://:s3cret@localhost"]],
    [["--help=s3cret"]],
    [["--redi=s3cret"]],
  ])("refuses %j without its value", async (args) => {
    const { code, output } = await runDemo(args);
    expect(code).toBe(1);
    expect(output).not.toContain("s3cret");
  });

  it("does not print the password that a server without AUTH quotes", async () => {
    const quoting = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.on("data", (commands) => {
        for (const _ of commands.toString().matchAll(/^\*/gm))
          socket.write("-ERR unknown command 'auth', with args beginning with: 'user' 's3cret' \r\n");
      });
    }).listen(0, "127.0.0.1");
    await once(quoting, "listening");
    const { port } = quoting.address() as AddressInfo;
    const { code, output } = await runDemo([
      ...["--port", "0"],
      ...["--redis", `redis://user:s3cret@127.0.0.1:${port}`],
    ]);
    await close(quoting);
    expect(code).toBe(1);
    expect(output).toContain("can't be used: ERR unknown command 'auth'.");
    expect(output).not.toContain("s3cret");
  });

  it("says that a server does not answer", async () => {
    const silent = createServer((socket) => {
      socket.on("error", () => socket.destroy()).resume();
    }).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const { code, output } = await runDemo(["--port", "0", "--redis", `redis://127.0.0.1:${port}`]);
    await close(silent);
    expect(code).toBe(1);
    expect(output).toContain(`Redis at redis://127.0.0.1:${port} can't be used: Command timed out.`);
  });

  it("says that a process's port is taken, and leaves no process behind", async () => {
    const redis = await startRedis();
    const { port, free } = await takenPort(2);
    // Resolves when no process has its output open any more.
    const { code, output } = await runDemo([
      ...["--port", String(port - 2)],
      ...["--redis", `redis://${redis.host}:${redis.port}`],
    ]);
    await free();
    await redis.stop();
    expect(code).toBe(1);
    expect(output).toContain(`port ${port} is taken`);
  });

  it("runs as many processes as asked for, and ends them all", async () => {
    const redis = await startRedis();
    const demo = await startDemo(["--redis", `redis://${redis.host}:${redis.port}`, "--processes", "3"]);
    const description = await (await fetch(`${demo.url}demo.json`)).json();
    const { endpoints } = description as { endpoints: { process: number; pid: number; runtime: string }[] };
    expect(endpoints.map((endpoint) => [endpoint.process, endpoint.runtime])).toEqual([
      [1, "ws"],
      [2, "uws"],
      [3, "ws"],
    ]);
    expect(await demo.end("SIGINT")).toMatchObject({ code: 0 });
    for (const { pid } of endpoints) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    await redis.stop();
  });
});
