/** One process, no Redis: what a visitor does, on both runtimes. */
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { countAndBreak, resultOf } from "./counting.ts";
import { useDemo } from "./setting.ts";
import { expectFact, expectToShow } from "./visitor.ts";

const RUNTIMES = [
  { name: "ws", via: "1-ws", other: "uWebSockets.js", otherVia: "1-uws" },
  { name: "uWebSockets.js", via: "1-uws", other: "ws", otherVia: "1-ws" },
] as const;

const setting = useDemo();

describe.each(RUNTIMES)("a visitor who comes through $name", ({ name, via, other }) => {
  it("sees a session of their own before they do anything", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    await tab.says(`A new session, through ${name}`);
    const { id, count, notes } = await tab.shown();
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(count).toBe("0");
    expect(notes).toEqual([]);
    expect(await tab.fact("version")).toBe("1");
    expect(await tab.fact("resumed")).toBe("fresh");
    expect(await tab.fact("served-by")).toBe(`${name}, process 1 (pid ${setting.demo.pid})`);
    await expectFact(tab, "presence", "1 connection");
    expect(setting.visitor.complaints).toEqual([]);
  });

  it(`changes it, is dropped, and comes back through ${other} to the same session`, async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    // A newcomer's colour is chosen at random, and to choose the same again changes nothing.
    const colour = (await tab.shown()).colour === "plum" ? "sea" : "plum";
    await tab.rename("Ada");
    await tab.recolour(colour);
    await tab.press("One more");
    await tab.press("+25 in one tick");
    await tab.note("Water the tomatoes");
    const { id } = await tab.shown();
    const changed = { id, name: "Ada", colour, count: "26", notes: ["Water the tomatoes"] };
    await expectFact(tab, "version", "30");
    await expectToShow(tab, changed);

    await tab.press("Drop the connection");
    await tab.logged("1006 dropped: no closing handshake");

    // By itself, and through the other server.
    await tab.isConnectedThrough(other);
    await tab.says(`Same session, through ${other} instead of ${name}`);
    await expectToShow(tab, changed);
    expect(await tab.fact("version")).toBe("30");
    expect(await tab.fact("resumed")).toBe("resumed");
    // The counter is not a copy: a further change starts from this value.
    await tab.press("One less");
    await expectToShow(tab, { ...changed, count: "25" });
    await tab.press("Remove the note Water the tomatoes");
    await expectToShow(tab, { ...changed, count: "25", notes: [] });
    expect(setting.visitor.complaints).toEqual([]);
  });

  it("comes back to the same session by reloading the page", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const before = await tab.shown();
    await tab.page.reload();
    await tab.isConnectedThrough(name);
    expect(await tab.shown()).toEqual(before);
    expect(await tab.fact("resumed")).toBe("resumed");
  });

  it(`sees changes arrive live in a second tab, which comes through ${other}, and back`, async () => {
    const first = await setting.open(via);
    await first.isConnectedThrough(name);
    const second = await setting.visitor.openSecondTab(first);
    await second.isConnectedThrough(other);
    expect((await second.shown()).id).toBe((await first.shown()).id);
    await Promise.all([first, second].map((tab) => expectFact(tab, "presence", "2 connections")));

    await second.rename("Grace");
    await expectToShow(first, { name: "Grace" });
    await first.says("Another connection changed the session: now version 2");
    await first.press("One more");
    await expectToShow(second, { name: "Grace", count: "1" });
    await second.says("Another connection changed the session: now version 3");

    await second.page.close();
    await expectFact(first, "presence", "1 connection");
  });

  it("loses no count when two tabs count at once", async () => {
    const first = await setting.open(via);
    await first.isConnectedThrough(name);
    const second = await setting.visitor.openSecondTab(first);
    await second.isConnectedThrough(other);
    await Promise.all([first.press("+25 in one tick"), second.press("+25 in one tick")]);
    await Promise.all([first, second].map((tab) => expectToShow(tab, { count: "50" })));
  });

  it("destroys the session in every tab, and starts afresh", async () => {
    const first = await setting.open(via);
    await first.isConnectedThrough(name);
    const second = await setting.visitor.openSecondTab(first);
    await second.isConnectedThrough(other);
    await first.rename("Nobody");
    await expectToShow(second, { name: "Nobody" });
    const { id } = await first.shown();

    await first.press("Destroy the session");
    for (const tab of [first, second]) {
      await tab.hasEnded();
      await tab.says("The session is destroyed");
      await tab.logged("4410 the session was destroyed (“the visitor destroyed it”)");
    }

    await first.go("Start afresh here", other);
    await first.says(`A new session, through ${other}`);
    const next = await first.shown();
    expect(next.id).not.toBe(id);
    expect(next.name).not.toBe("Nobody");
  });

  it("rotates the token and stays in the session", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const { id } = await tab.shown();
    const [before] = await setting.visitor.context.cookies();
    await tab.press("Rotate the token");
    await tab.says("The same session has a new token");
    const [after] = await setting.visitor.context.cookies();
    expect(before).toMatchObject({ name: "wsession-demo", httpOnly: true, sameSite: "Strict" });
    expect(after?.value).not.toBe(before?.value);
    expect((await tab.shown()).id).toBe(id);
    await tab.page.reload();
    await tab.isConnectedThrough(name);
    expect((await tab.shown()).id).toBe(id);
  });

  it("ticks off what they have tried", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const done = tab.page.locator("#steps li.done strong");
    await tab.press("One more");
    await expect.poll(() => done.allInnerTexts()).toEqual(["Change something"]);
    await tab.press("Drop the connection");
    await tab.isConnectedThrough(other);
    const second = await setting.visitor.openSecondTab(tab);
    await second.isConnectedThrough(name);
    await second.press("One more");
    await expectToShow(tab, { count: "2" });
    await countAndBreak(tab, 10);
    await resultOf(tab);
    await tab.press("Destroy the session");
    await tab.hasEnded();
    // user.test.ts takes the other steps.
    const others = ["Miss nothing", "Log in, and log out everywhere", "Let the session expire"];
    const all = await tab.page.locator("#steps li strong").allInnerTexts();
    expect(await done.allInnerTexts()).toEqual(all.filter((step) => !others.includes(step)));
    expect(all).toEqual(expect.arrayContaining(others));
  });

  it("can do it all from the keyboard", async () => {
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
    const drop = tab.page.getByRole("button", { name: "Drop the connection" });
    await drop.focus();
    await tab.page.keyboard.press("Enter");
    await tab.isConnectedThrough(other);
    await expectFact(tab, "resumed", "resumed");
    // The focus is at a server, not lost with the button that could not be pressed any more.
    const focused = tab.page.locator("#servers button:focus");
    await expect.poll(() => focused.count()).toBe(1);
    await tab.server(name).getByRole("button", { name: "Move here" }).focus();
    await tab.page.keyboard.press("Enter");
    await tab.isConnectedThrough(name);
  });
});

describe.each(RUNTIMES)("the server on $name", ({ name, via }) => {
  interface Described {
    readonly endpoints: readonly { readonly runtime: string; readonly port: number }[];
  }
  async function address(): Promise<string> {
    const { endpoints } = (await (await fetch(`${setting.demo.url}demo.json`)).json()) as Described;
    return `ws://localhost:${endpoints.find(({ runtime }) => via.endsWith(`-${runtime}`))!.port}/session`;
  }
  const origin = (): string => setting.demo.url.slice(0, -1);

  it("refuses a page of another origin", async () => {
    for (const stranger of ["http://evil.example", `${origin()}.evil.example`, "null", undefined]) {
      const socket = new WebSocket(await address(), stranger === undefined ? {} : { origin: stranger });
      const status = await new Promise((resolve, reject) => {
        socket.on("unexpected-response", (_request, { statusCode }) => resolve(statusCode));
        socket.on("open", () => reject(new Error(`${stranger} was let in on ${name}`)));
        socket.on("error", reject);
      });
      expect(status).toBe(403);
      socket.terminate();
    }
  });

  it("answers nonsense with a reason, and lives on", async () => {
    const socket = new WebSocket(await address(), { origin: origin() });
    const reports: { type: string; reason?: string; session?: { data: { count: number } } }[] = [];
    const nonsense = [
      "not JSON",
      "[]",
      "null",
      "{}",
      '{"type":"count","by":1e9}',
      '{"type":"rename","name":""}',
      '{"type":"rename"}',
      '{"type":"recolour","colour":"__proto__"}',
      `{"type":"note","text":"${"x".repeat(61)}"}`,
      '{"type":"kill"}',
    ];
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data: Buffer) => {
        const report = JSON.parse(data.toString());
        if (report.type === "presence") return;
        reports.push(report);
        if (report.type === "written") resolve();
      });
      socket.on("open", () => {
        for (const message of nonsense) socket.send(message);
        socket.send(Buffer.from("bytes"));
        socket.send('{"type":"count","by":1}');
      });
    });
    expect(reports.map(({ type }) => type)).toEqual([
      "welcome",
      ...nonsense.map(() => "refused"),
      "refused",
      "written",
    ]);
    expect(reports.at(-1)?.session?.data.count).toBe(1);
    socket.terminate();
  });

  it("closes who sends more than a visitor would", async () => {
    const socket = new WebSocket(await address(), { origin: origin() });
    const code = await new Promise((resolve) => {
      socket.on("open", () => socket.send("x".repeat(100_000)));
      socket.on("error", () => {});
      socket.on("close", resolve);
    });
    expect([1006, 1009]).toContain(code);
    // The next visitor is not affected.
    const tab = await setting.open(via);
    await tab.isConnectedThrough(name);
  });
});
