/** The hovers of TypeScript 7, which has no API: its language server shows them, as in an editor. */
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import { deferred } from "@wsession/conformance";
import type { Deferred } from "@wsession/conformance";
import { userEnvironment } from "./commands.ts";

/** What an editor shows at a name: the type in the compiler's words, and the documentation. */
export interface Hover {
  readonly type: string;
  readonly documentation: string;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** Resolves with what the server shows at each offset of the file, which the folder's tsconfig.json names. */
export async function hoversAt(
  tsc: string,
  file: string,
  text: string,
  offsets: readonly number[],
): Promise<readonly Hover[]> {
  const server = new LanguageServer(tsc);
  try {
    const capabilities = { textDocument: { hover: { contentFormat: ["markdown"] } } };
    await server.ask("initialize", { processId: process.pid, rootUri: null, capabilities });
    server.tell("initialized", {});
    const uri = pathToFileURL(file).href;
    server.tell("textDocument/didOpen", {
      textDocument: { uri, languageId: "typescript", version: 1, text },
    });
    return await Promise.all(
      offsets.map(async (offset) => {
        const position = positionOf(text, offset);
        return hoverOf(await server.ask("textDocument/hover", { textDocument: { uri }, position }));
      }),
    );
  } finally {
    server.stop();
  }
}

/** A server in a process of its own. Messages have a header with their length, as in HTTP. */
class LanguageServer {
  readonly #child;
  readonly #waiting = new Map<number, Deferred<unknown>>();
  #received = Buffer.alloc(0);
  #asked = 0;

  constructor(tsc: string) {
    this.#child = spawn(process.execPath, [tsc, "--lsp", "--stdio"], {
      env: userEnvironment(),
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#child.stdout.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#child.on("error", (error) => this.#fail(error));
    this.#child.on("exit", (code) => this.#fail(new Error(`the language server ended with ${code}`)));
  }

  ask(method: string, params: object): Promise<unknown> {
    this.#asked += 1;
    const answer = deferred<unknown>();
    this.#waiting.set(this.#asked, answer);
    this.#send({ id: this.#asked, method, params });
    return answer.promise;
  }

  tell(method: string, params: object): void {
    this.#send({ method, params });
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }

  #send(message: object): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      const [, length] = /Content-Length: (\d+)/i.exec(this.#received.toString("latin1", 0, end)) ?? [];
      const next = end + 4 + Number(length);
      if (end === -1 || this.#received.length < next) return;
      const body = this.#received.toString("utf8", end + 4, next);
      this.#received = this.#received.subarray(next);
      this.#handle(JSON.parse(body) as Message);
    }
  }

  #handle({ id, method, result, error }: Message): void {
    if (id === undefined) return;
    // A question of the server, which waits for its answer.
    if (method !== undefined) return this.#send({ id, result: null });
    const answer = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(JSON.stringify(error)));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function positionOf(text: string, offset: number): { readonly line: number; readonly character: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}

/** The answer is Markdown: the type as a block of code, and then the documentation. */
function hoverOf(answer: unknown): Hover {
  const { contents } = (answer ?? { contents: { value: "" } }) as {
    readonly contents: { readonly value: string };
  };
  const [, type = "", documentation = ""] = /^```\w+\n(.*?)\n```\n?(.*)$/s.exec(contents.value) ?? [];
  return { type, documentation: documentation.trim() };
}
