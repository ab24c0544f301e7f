import { setTimeout as delay } from "node:timers/promises";
import type { SessionStore } from "@wsession/core";
import { until } from "../../../packages/store-redis/test/redis-server.ts";
import type { Created } from "../application.mjs";
import { randomFrom } from "../load.mjs";
import { entryOf, type Kind, type PageHistory, type StoredTransactions } from "./history.ts";
import { Page } from "./page.ts";

export interface PagesOptions {
  /** The fewest messages in all. The pages continue until the faults are over. */
  readonly count: number;
  readonly seed: number;
  readonly port: number;
  readonly sessions: readonly Created[];
  /** The number of pages at a time. @default 8 */
  readonly atOnce?: number | undefined;
  /** How many pages share a session at a time. @default 2 */
  readonly perSession?: number | undefined;
  /** How many messages one page sends; `Infinity`: the page stays to the end. @default 25 */
  readonly perPage?: number | undefined;
  /** How many messages of a page are in flight. @default 6 */
  readonly window?: number | undefined;
  /** Milliseconds between two messages of a page. @default 0 */
  readonly pauseMs?: number | undefined;
  /** In how many of a hundred pauses between two messages a page opens another connection beside its own. @default 2 */
  readonly reconnects?: number | undefined;
}

export interface PagesReport {
  readonly transactions: number;
  readonly resolved: number;
  readonly refused: number;
  readonly unknown: number;
  readonly replies: number;
  readonly pages: number;
  /** Milliseconds until the slowest message was settled. */
  readonly slowestMs: number;
}

/** The time limit of the pages' waits after the faults are over. */
const SETTLED_IN_MS = 30_000;

/** Many pages, each with a real client, that send messages to be handled in transactions while faults happen. */
export class Pages {
  readonly #options;
  readonly #random: () => number;
  readonly #pages: Page[] = [];
  readonly #running: Promise<unknown>;
  #isStopping = false;
  #sent = 0;
  #turn = 0;

  constructor(options: PagesOptions) {
    const { atOnce = 8, perSession = 2, perPage = 25, window = 6, pauseMs = 0, reconnects = 2 } = options;
    this.#options = { ...options, atOnce, perSession, perPage, window, pauseMs, reconnects };
    this.#random = randomFrom(options.seed);
    const lanes = Array.from({ length: atOnce }, () => this.#lane());
    this.#running = Promise.all(lanes);
  }

  get isDone(): boolean {
    return this.#sent >= this.#options.count;
  }

  get counts(): PagesReport {
    const sum = (what: keyof Page["counts"]): number =>
      this.#pages.reduce((total, { counts }) => total + counts[what], 0);
    return {
      transactions: sum("sent"),
      resolved: sum("resolved"),
      refused: sum("refused"),
      unknown: sum("unknown"),
      replies: sum("replies"),
      pages: this.#pages.length,
      slowestMs: Math.round(Math.max(0, ...this.#pages.map(({ slowestMs }) => slowestMs))),
    };
  }

  /** Sends the remaining messages. Resolves once all are settled, or after the time limit. */
  async finish(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    // A page that stays gets a report of each loss of the store with its next message at the latest.
    await Promise.all(this.#open.map((page) => soon(page.send("add"))));
  }

  /** The histories of the pages, once the pages that stay had the time to receive all messages of the store. */
  async histories(stored: readonly StoredTransactions[]): Promise<PageHistory[]> {
    const bySession = new Map(stored.map((one) => [one.session, one]));
    // The sweep finds each loss of the store at the latest.
    await until(
      () => this.#open.every((page) => page.isAt(bySession.get(page.session)?.outbox)),
      SETTLED_IN_MS,
    ).catch(() => undefined);
    return this.#pages.map((page) => page.history());
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    this.#sent = Infinity;
    await Promise.all(this.#pages.map((page) => page.close()));
  }

  get #open(): Page[] {
    return this.#pages.filter((page) => page.history().isOpen);
  }

  get #isOver(): boolean {
    return this.#isStopping && this.isDone;
  }

  async #lane(): Promise<void> {
    while (!this.#isOver) await this.#visit(this.#openPage());
  }

  #openPage(): Page {
    const { sessions, perSession, port } = this.#options;
    const turn = this.#turn++;
    const session = sessions[Math.floor(turn / perSession) % sessions.length];
    if (session === undefined) throw new Error("pages have sessions");
    // Some pages reject a message, as the client does by default.
    const attempts = turn % 5 === 4 ? 5 : 1_000;
    const page = new Page({ name: `p${turn}`, session: session.id, token: session.token, port, attempts });
    this.#pages.push(page);
    return page;
  }

  async #visit(page: Page): Promise<void> {
    const { perPage, window, pauseMs, reconnects } = this.#options;
    const isEndless = perPage === Infinity;
    for (let left = perPage; left > 0 && !page.isClosed; left -= 1) {
      if (isEndless && this.#isOver) return;
      this.#sent += 1;
      void page.send(this.#kind());
      if (this.#random() * 100 < reconnects) page.reconnect();
      if (pauseMs > 0) await delay(pauseMs * 2 * this.#random());
      while (page.unsettled >= window && !page.isClosed) await soon(page.moved());
    }
    await soon(page.settled());
    await until(() => page.isAnswered || page.isClosed, SETTLED_IN_MS).catch(() => undefined);
    // One page of eight stays, and receives everything that is sent to its session.
    if (!isEndless && this.#random() < 0.875) await page.close();
  }

  #kind(): Kind {
    const dice = this.#random();
    return dice < 0.9 ? "add" : dice < 0.94 ? "refuse" : dice < 0.97 ? "fail" : "idle";
  }
}

/** The content of the store for the sessions of the pages. */
export async function storedOf(
  store: SessionStore,
  sessions: readonly { readonly id: string }[],
  ask: <Answer>(question: () => PromiseLike<Answer> | Answer) => Promise<Answer>,
): Promise<StoredTransactions[]> {
  const stored: StoredTransactions[] = [];
  for (const { id } of sessions) {
    const found = await ask(() => store.load(id));
    const none = { first: 1, replies: [] };
    if (found === undefined) {
      stored.push({ session: id, data: undefined, outbox: none });
      continue;
    }
    const { entries = [], counts = {} } = found.data as {
      readonly entries?: readonly string[];
      readonly counts?: Readonly<Record<string, number>>;
    };
    const from = { offset: 0, chain: 0 };
    const read = await ask(() => store.read?.({ id, from, witness: undefined, maxBytes: 2 ** 30 }));
    if (read?.type !== "read") throw new Error(`read answered "${read?.type}"`);
    const replies = read.entries.map(({ data = "" }) => {
      const { page, n } = entryOf(Buffer.from(data).toString());
      return { page, n };
    });
    const outbox = { first: read.start.offset + 1, replies };
    stored.push({ session: id, data: { entries: entries.map(entryOf), counts }, outbox });
  }
  return stored;
}

async function soon(event: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = delay(SETTLED_IN_MS, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([event, late]);
  over.abort();
}
