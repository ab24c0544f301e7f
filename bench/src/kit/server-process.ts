import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Ask, Reply } from "./child.ts";

const STOPPED_IN_MS = 5_000;

export interface StartOptions {
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
}

/** A server in its own process, which answers questions over IPC. */
export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  #last = 0;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.on("message", (reply: Reply) => this.#onReply(reply));
    child.on("exit", () => {
      for (const { reject } of this.#asked.values()) reject(new Error("the server process has ended"));
    });
  }

  /** `module` is relative to `servers/`, without its extension. Resolves when it listens. */
  static async start(module: string, options: StartOptions = {}): Promise<ServerProcess> {
    const file = fileURLToPath(new URL(`../servers/${module}.js`, import.meta.url));
    const child = fork(file, [...(options.args ?? [])], {
      execArgv: [...(options.execArgv ?? [])],
      // In development core also freezes data, which would be measured.
      env: { ...process.env, NODE_ENV: "production" },
    });
    const failed = new AbortController();
    child.once("exit", () => failed.abort(new Error(`${module} ${options.args?.join(" ")} did not start`)));
    const [reply]: Reply[] = await once(child, "message", { signal: failed.signal });
    if (reply?.type !== "ready") throw new Error("the server said something else than that it is ready");
    return new ServerProcess(child, reply.port);
  }

  ask(question: string, argument = ""): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ask: Ask = { number: (this.#last += 1), question, argument };
      this.#asked.set(ask.number, { resolve, reject });
      this.#child.send(ask, (error) => error !== null && reject(error));
    });
  }

  /** The CPU time that the process has used so far, in microseconds. */
  async cpu(): Promise<number> {
    return (await this.ask("cpu"))["total"] ?? Number.NaN;
  }

  /** Lets the process exit by itself, so that it writes its profile if it records one. */
  async stop(): Promise<void> {
    await this.#end(() => this.#child.disconnect(), STOPPED_IN_MS);
  }

  /** Sends SIGTERM, and SIGKILL after `withinMs`, as systemd does. Returns whether the process exited by itself. */
  async terminate(withinMs: number): Promise<boolean> {
    await this.#end(() => this.#child.kill("SIGTERM"), withinMs);
    return this.#child.signalCode !== "SIGKILL";
  }

  /** Kills the process without letting it close connections. */
  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill("SIGKILL"), STOPPED_IN_MS);
  }

  /** Ends the process by `request`, and by SIGKILL if it has not exited after `withinMs`. */
  async #end(request: () => void, withinMs: number): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    request();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), withinMs);
    await exited;
    clearTimeout(late);
  }

  #onReply(reply: Reply): void {
    if (reply.type === "ready") return;
    const asked = this.#asked.get(reply.number);
    this.#asked.delete(reply.number);
    if (reply.type === "answer") asked?.resolve(reply.answer);
    else asked?.reject(new Error(reply.message));
  }
}
