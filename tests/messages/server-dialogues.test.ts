import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Journal } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { Connection } from "@wsession/core";
import { DECOY_SUBPROTOCOL, parseServerControl, SUBPROTOCOL } from "@wsession/protocol";
import { describe, expect, test } from "vitest";
import { connect, runtimeNames, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";

interface Line {
  readonly attach?: Readonly<Record<string, unknown>>;
  readonly client?: string;
  readonly raw?: string;
  readonly cut?: boolean;
  readonly closed?: number;
  readonly server?: string;
  readonly message?: string;
  readonly same?: readonly string[];
}

interface Dialogue {
  readonly name: string;
  readonly sides: readonly string[];
  readonly lines: readonly Line[];
}

const file = join(import.meta.dirname, "../../packages/protocol/vectors/dialogues.json");
const { dialogues } = JSON.parse(readFileSync(file, "utf8")) as { readonly dialogues: readonly Dialogue[] };

const own = dialogues.filter(({ sides }) => sides.includes("server"));
const CLIENT_ID = "dialogueClient01";

/** Plays the client's lines to a server of this library, and the part of the server's application. */
class Player {
  readonly #port: number;
  readonly #values = new Map<string, string>();
  readonly #opened: Journal<Connection>;
  readonly #handled: Journal;
  readonly #keep: (message: string) => Promise<unknown>;
  readonly failing: Set<string>;
  #client: Client | undefined;
  #token = "";

  constructor(port: number, parts: ReturnType<typeof application>) {
    this.#port = port;
    this.#opened = parts.opened;
    this.#handled = parts.handled;
    this.#keep = parts.keep;
    this.failing = parts.failing;
  }

  async play(line: Line): Promise<void> {
    if (line.attach !== undefined) (await this.#connected()).send(this.#attach(line.attach));
    else if (line.client !== undefined) (await this.#connected()).send(this.#filled(line.client));
    else if (line.raw !== undefined) (await this.#connected()).send(line.raw);
    else if (line.cut === true) {
      this.#client?.socket.terminate();
      this.#client = undefined;
    } else if (line.closed !== undefined) assert.equal((await this.#client?.closed)?.code, line.closed);
    else if (line.server !== undefined) await this.#server(line.server, line.message ?? "", line.same ?? []);
  }

  async #connected(): Promise<Client> {
    const protocols = [DECOY_SUBPROTOCOL, SUBPROTOCOL];
    const path = this.#token === "" ? "/" : `/?token=${this.#token}`;
    return (this.#client ??= await connect({ port: this.#port }, path, { protocols }));
  }

  #attach(members: Readonly<Record<string, unknown>>): string {
    const whole = { v: 1, client: CLIENT_ID, from: 1, known: 0, mark: 0, ...members };
    const present = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null));
    return this.#filled(`.a${JSON.stringify(present)}`);
  }

  /** The names that stand for values replaced by them. */
  #filled(text: string): string {
    return text.replaceAll(/\$\w+/g, (name) => this.#values.get(name) ?? name);
  }

  async #server(what: string, message: string, same: readonly string[]): Promise<void> {
    if (what === "handles" || what === "fails") await this.#handled.until((entry) => entry === message);
    else if (what === "keeps") await this.#keep(message);
    else if (what === "says") this.#opened.entries.at(-1)?.send(message);
    else this.#compare(what, `${await this.#client?.next()}`, same);
  }

  #compare(required: string, frame: string, same: readonly string[]): void {
    assert.equal(
      frame.slice(0, required.startsWith(".") ? 2 : 1),
      required.slice(0, required.startsWith(".") ? 2 : 1),
    );
    if (required.startsWith(".h")) {
      const actual: Record<string, unknown> = JSON.parse(frame.slice(2));
      this.#token = typeof actual["token"] === "string" ? actual["token"] : this.#token;
      this.#bind(JSON.parse(required.slice(2)), actual);
      const expected = JSON.parse(this.#filled(required.slice(2))) as Record<string, unknown>;
      for (const member of same) assert.deepEqual([member, actual[member]], [member, expected[member]]);
    } else if (required.startsWith(".")) {
      const [actual, expected] = [frame, this.#filled(required)].map((one) => {
        return parseServerControl(one) as unknown as Record<string, unknown>;
      });
      for (const member of same) assert.deepEqual([member, actual?.[member]], [member, expected?.[member]]);
    } else {
      const [, name = "", text] = /^=(\$c\d)(.*)$/.exec(required) ?? [];
      if (name !== "") this.#values.set(name, frame.slice(1, 7));
      assert.equal(frame, name === "" ? required : `=${this.#values.get(name)}${text}`);
    }
  }

  /** Takes the values that stand in a frame of the server for the first time. */
  #bind(required: unknown, actual: unknown): void {
    if (typeof required === "string" && required.startsWith("$")) {
      const known = this.#values.get(required);
      if (known === undefined) this.#values.set(required, String(actual));
      else assert.equal(actual, known);
    } else if (
      typeof required === "object" &&
      required !== null &&
      typeof actual === "object" &&
      actual !== null
    )
      for (const [name, value] of Object.entries(required)) this.#bind(value, Reflect.get(actual, name));
  }
}

function application() {
  const opened = new Journal<Connection>();
  const handled = new Journal();
  const failing = new Set<string>();
  const sessions = createSessions<{ readonly n: number }>({
    store: mapStore(),
    token: queryToken(),
    initial: () => ({ n: 0 }),
    onError: () => undefined,
  });
  const handlers = {
    open: (connection: Connection) => opened.note(connection),
    message(_connection: Connection, data: string | Uint8Array) {
      handled.note(`${data}`);
      if (failing.has(`${data}`)) throw new Error("as the dialogue says");
    },
  };
  const keep = async (message: string) => sessions.send(opened.entries[0]?.session?.id ?? "", message);
  return { opened, handled, failing, sessions, handlers, keep };
}

describe.each(runtimeNames)("a server on %s plays its part of the dialogue:", (runtime: RuntimeName) => {
  test.each(own.map(({ name, lines }) => [name, lines] as const))("%s", async (_, lines) => {
    const parts = application();
    for (const { server, message } of lines) if (server === "fails") parts.failing.add(message ?? "");
    const { port } = await serve(runtime, parts.sessions, parts.handlers);
    const player = new Player(port, parts);
    let played = 0;
    for (const line of lines) {
      await player.play(line);
      played += 1;
    }
    expect(played).toBe(lines.length);
  });

  test("and is caught if its answer differs", async () => {
    const parts = application();
    const { port } = await serve(runtime, parts.sessions, parts.handlers);
    const player = new Player(port, parts);
    await player.play({ attach: {} });
    await expect(player.play({ server: '.h{"v":1,"resumed":true}', same: ["resumed"] })).rejects.toThrow(
      "resumed",
    );
  });
});
