/**
 * Transactions of several tabs of one session, with real clients: on each runtime, in memory and in Redis, in one process and in two,
 * with `exclusive` and without.
 */
import { isClientError, tokenInMemory } from "@wsession/client";
import type { TokenStorage } from "@wsession/client";
import { until } from "@wsession/conformance";
import { describe, expect, test } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { nextOf, startApplication } from "../applications.ts";
import type { ApplicationMessage, ApplicationRuntime, Running } from "../applications.ts";
import { open } from "../client/clients.ts";
import { Line } from "../client/line.ts";
import { connect, runtimeNames } from "../runtimes.ts";
import { newPrefix } from "../stores.ts";

const redis = useRedisServer();

// `npm test` installs Bun, and says so if it can't.
const runtimes: readonly ApplicationRuntime[] = [
  ...runtimeNames,
  ...(process.env["WSESSION_BUN"] === undefined ? [] : (["bun"] as const)),
];
const places = [
  { store: "map", processes: 1 },
  { store: "redis", processes: 1 },
  { store: "redis", processes: 2 },
] as const;
const cells = runtimes.flatMap((runtime) =>
  places.flatMap((place) => [true, false].map((exclusive) => ({ runtime, ...place, exclusive }))),
);

type Cell = (typeof cells)[number];

/** The messages that one tab sends, and the tabs of one session. */
const MESSAGES = 30;
const TABS = 3;

function start({ runtime, store, processes, exclusive }: Cell): Promise<Running[]> {
  const prefix = newPrefix();
  const port = store === "redis" ? redis.port : undefined;
  return Promise.all(
    Array.from({ length: processes }, () => startApplication(port, prefix, runtime, { exclusive })),
  );
}

/** A page of a browser, whose tabs share the token. Its line leads to a process, and can be cut. */
class Tab {
  /** The number of the page's session at each answer, and the message that it answers. */
  readonly answers: { readonly n: number; readonly message: string }[] = [];
  readonly applied: string[] = [];
  readonly unknown: string[] = [];
  #connections = 0;
  readonly #client;

  readonly name: string;
  readonly line: Line;

  private constructor(name: string, line: Line, token: TokenStorage) {
    this.name = name;
    this.line = line;
    this.#client = open(line, { token });
    this.#client.client.on("status", ({ status }) => {
      if (status === "live") this.#connections += 1;
    });
    this.#client.client.on("message", ({ data }) => {
      const message: ApplicationMessage = JSON.parse(`${data}`);
      if (message.type === "counted") this.answers.push(message);
    });
  }

  static async open(name: string, server: Running, token: TokenStorage): Promise<Tab> {
    const tab = new Tab(name, await Line.to(server.port), token);
    await until(() => tab.#connections > 0);
    return tab;
  }

  /** Resolves when the tab has connected again. Before that its return would replace the next tab. */
  async cutAndReturn(): Promise<void> {
    const before = this.#connections;
    this.line.cut();
    await until(() => this.#connections > before);
  }

  /** Sends the tab's messages. Resolves when each is settled. */
  async sendAll(): Promise<void> {
    const sending = Array.from({ length: MESSAGES }, async (_, index) => {
      const message = `${this.name}${index}`;
      try {
        await this.#client.client.send(message);
        this.applied.push(message);
      } catch (error) {
        // A replaced page gets no result for its last messages. No message of this test may be refused.
        if (!isClientError(error) || error.outcome === "not-applied") throw error;
        this.unknown.push(message);
      }
    });
    await Promise.all(sending);
  }
}

/** The data of the tabs' session, as a further connection reads it. */
async function stored(server: Running, token: TokenStorage) {
  const reader = await connect(server, `/?token=${String(await token.read())}`);
  return (await nextOf(reader, "open")).data;
}

/** Each message that was applied stands in the session once, and only messages that may have been applied stand there beside them. */
async function expectOnce(server: Running, token: TokenStorage, tabs: readonly Tab[]): Promise<void> {
  const { n, list = [] } = await stored(server, token);
  const applied = tabs.flatMap((tab) => tab.applied);
  const possible = new Set(tabs.flatMap((tab) => [...tab.applied, ...tab.unknown]));
  expect(n).toBe(list.length);
  expect(new Set(list).size).toBe(list.length);
  expect(applied.filter((message) => !list.includes(message))).toEqual([]);
  expect(list.filter((message) => !possible.has(message))).toEqual([]);
  for (const { name } of tabs) {
    const own = list.filter((message) => message.startsWith(name));
    expect(own).toEqual(own.map((_, index) => `${name}${index}`));
  }
  for (const { answers } of tabs) {
    // Dense and in order, from the first answer that the tab was there for.
    const first = answers[0]?.n ?? 1;
    expect(answers).toEqual(
      list.slice(first - 1, first - 1 + answers.length).map((message, index) => ({
        type: "counted",
        n: first + index,
        message,
      })),
    );
  }
}

describe.each(cells)(
  "transactions on $runtime, $store store, $processes process(es), exclusive $exclusive,",
  (cell) => {
    const { exclusive, processes } = cell;

    test.skipIf(exclusive)(
      "I15 I21 I22 each message of three tabs counts once although their lines are cut, and each tab gets each answer once",
      async () => {
        const servers = await start(cell);
        const token = tokenInMemory({ queryParameter: "token" });
        const tabs: Tab[] = [];
        for (let at = 0; at < TABS; at += 1)
          tabs.push(await Tab.open("abc".charAt(at), serverOf(servers, at), token));
        const sending = Promise.all(tabs.map((tab) => tab.sendAll()));
        for (let cuts = 1; cuts <= 4; cuts += 1) {
          await until(() => tabs.every(({ applied }) => applied.length >= 5 * cuts));
          for (const { line } of tabs) line.cut();
        }
        await sending;
        await until(() => tabs.every(({ answers }) => answers.length >= TABS * MESSAGES));
        await expectOnce(serverOf(servers, processes - 1), token, tabs);
        expect(tabs.map(({ applied }) => applied.length)).toEqual([MESSAGES, MESSAGES, MESSAGES]);
      },
      30_000,
    );

    test.runIf(exclusive)(
      "I13 I21 I22 three tabs replace each other: each message counts at most once, and exactly once if it was applied",
      async () => {
        const servers = await start(cell);
        const token = tokenInMemory({ queryParameter: "token" });
        const tabs: Tab[] = [];
        const sending: Promise<void>[] = [];
        for (let at = 0; at < TABS; at += 1) {
          const tab = await Tab.open("abc".charAt(at), serverOf(servers, at), token);
          tabs.push(tab);
          sending.push(tab.sendAll());
          await until(() => tab.applied.length >= 5);
          await tab.cutAndReturn();
        }
        await Promise.all(sending);
        const last = tabs[TABS - 1];
        expect(last?.applied.length).toBe(MESSAGES);
        await until(() => last?.answers.at(-1)?.message === `c${MESSAGES - 1}`);
        await expectOnce(serverOf(servers, processes - 1), token, tabs);
      },
      30_000,
    );

    test.runIf(processes > 1)(
      "I21 I22 I23 each message counts once, and is answered once, although its process is killed in the middle",
      async () => {
        const servers = await start(cell);
        const [first, second] = [serverOf(servers, 0), serverOf(servers, 1)];
        const token = tokenInMemory({ queryParameter: "token" });
        const tabs = [await Tab.open("a", first, token)];
        // With `exclusive` a session has one tab.
        if (!exclusive) tabs.push(await Tab.open("b", second, token));
        const sending = Promise.all(tabs.map((tab) => tab.sendAll()));
        await until(() => (tabs[0]?.applied.length ?? 0) >= 5);
        for (const { line } of tabs) line.target = second.port;
        await first.kill();
        await sending;
        await until(() => tabs.every(({ answers }) => answers.length >= tabs.length * MESSAGES));
        await expectOnce(second, token, tabs);
        expect(tabs.every(({ applied }) => applied.length === MESSAGES)).toBe(true);
      },
      30_000,
    );
  },
);

function serverOf(servers: readonly Running[], at: number): Running {
  return servers[at % servers.length] ?? expect.fail("no server");
}
