import { readFileSync } from "node:fs";
import { join } from "node:path";
import { outcomeOf } from "@wsession/conformance";
import type { ScriptedPeer } from "@wsession/conformance";
import { describe, expect, test } from "vitest";
import { client, listen } from "./support.ts";

interface Line {
  readonly page?: "send" | "sendNow" | "told" | "hears" | "misses";
  readonly attach?: Record<string, unknown>;
  readonly client?: string;
  readonly server?: string;
  readonly cut?: true;
  readonly closed?: number;
  readonly message?: string;
  readonly outcome?: string;
}

interface Dialogue {
  readonly name: string;
  readonly sides: readonly ("client" | "server")[];
  readonly values: Readonly<Record<string, string>>;
  readonly lines: readonly Line[];
}

const file = join(import.meta.dirname, "../../protocol/vectors/dialogues.json");
const { dialogues } = JSON.parse(readFileSync(file, "utf8")) as { readonly dialogues: readonly Dialogue[] };

/** What the application of the server does: no line for who plays the server. */
const WORDS = new Set(["handles", "fails", "says", "keeps"]);

async function play({ lines: template, values }: Dialogue): Promise<void> {
  const filled = Object.entries(values).reduce(
    (text, [name, value]) => text.replaceAll(name, value),
    JSON.stringify(template),
  );
  const lines = JSON.parse(filled) as readonly Line[];
  const server = await listen();
  const { client: one, until } = client(server);
  const sent = new Map<string, Promise<string>>();
  let peer: ScriptedPeer | undefined;
  const current = async () => (peer ??= await server.peer());
  for (const line of lines) {
    if (line.page === "send") sent.set(line.message!, outcomeOf(one.send(line.message!)));
    else if (line.page === "sendNow") expect(one.sendNow(line.message!)).toBe(true);
    else if (line.page === "told") expect(await sent.get(line.message!)).toBe(line.outcome);
    else if (line.page === "hears") {
      const { page: _, message, ...event } = line;
      expect(await until("message", ({ data }) => data === message)).toMatchObject(event);
    } else if (line.page === "misses") {
      const { page: _, ...event } = line;
      expect(await until("missed")).toEqual(event);
    } else if (line.attach !== undefined) {
      const frame = String(await (await current()).frame());
      expect(frame.slice(0, 2)).toBe(".a");
      const members = JSON.parse(frame.slice(2)) as Record<string, unknown>;
      for (const [name, value] of Object.entries(line.attach))
        expect([name, members[name] ?? (name === "fresh" ? false : null)]).toEqual([name, value]);
    } else if (line.client !== undefined) expect(String(await (await current()).frame())).toBe(line.client);
    else if (line.server !== undefined) {
      if (WORDS.has(line.server)) continue;
      (await current()).send(line.server);
      // A page acts on what it has read.
      if ((await current()).socket.readyState === 1) await Promise.race([peer!.roundTrip(), peer!.closed]);
    } else if (line.cut) {
      (await current()).cut();
      peer = undefined;
    } else if (line.closed !== undefined) expect((await (await current()).closed).code).toBe(line.closed);
    else throw new Error(`a line that the player does not know: ${JSON.stringify(line)}`);
  }
}

describe("the client in the dialogue", () => {
  const own = dialogues.filter(({ sides }) => sides.includes("client"));
  test.each(own.map((dialogue) => [dialogue.name, dialogue] as const))("%s", async (_, dialogue) => {
    await expect(play(dialogue)).resolves.toBeUndefined();
  });

  test("is caught if its answer differs from the dialogue", async () => {
    const [first] = own;
    const lines = first!.lines.map((line) => (line.client === "=a" ? { client: "=b" } : line));
    await expect(play({ ...first!, lines })).rejects.toThrow("expected '=a' to be '=b'");
  });
});
