import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PresenceEvent, SessionEvent, SessionEventType, SubjectPresence } from "@wsession/core";
import { WebSocket } from "ws";
import type { Options } from "./worker.mjs";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));

interface Calls {
  open: (options: Options) => number;
  presence: (subject: string) => SubjectPresence;
  /** How many transactions each session of the subject has had. */
  counts: (subject: string) => readonly number[];
  destroySubject: (subject: string) => null;
  identify: (of: { readonly from: string; readonly to: string }) => null;
  close: (none: null) => null;
}

/** An application process of a test. */
export class PresenceProcess {
  readonly #child: ChildProcess = fork(WORKER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  readonly #waiting = new Map<number, (reply: { result?: unknown; error?: string }) => void>();
  #calls = 0;
  #port = 0;
  /** The events of its listener, as "subject type". */
  readonly reported: string[] = [];

  private constructor() {
    this.#child.on("message", (message) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- worker.mjs sends nothing else
      const { call = 0, reported, ...reply } = message as { call?: number; reported?: PresenceEvent };
      if (reported !== undefined) this.reported.push(`${reported.subject} ${reported.type}`);
      else this.#waiting.get(call)?.(reply);
    });
  }

  static async start(options: Options): Promise<PresenceProcess> {
    const started = new PresenceProcess();
    started.#port = await started.call("open", options);
    return started;
  }

  async call<Name extends keyof Calls>(
    method: Name,
    argument: Parameters<Calls[Name]>[0],
  ): Promise<ReturnType<Calls[Name]>> {
    this.#calls += 1;
    const call = this.#calls;
    const reply = await new Promise<{ result?: unknown; error?: string }>((resolve) => {
      this.#waiting.set(call, resolve);
      this.#child.send({ call, method, argument });
    });
    if (reply.error !== undefined) throw new Error(reply.error);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what worker.mjs answers
    return reply.result as ReturnType<Calls[Name]>;
  }

  /** A client connects as `user`, with the token of its session if it has one. Resolves with its token once it is open. */
  async connect(user: string, token?: string): Promise<Client> {
    const query = new URLSearchParams({ user, ...(token !== undefined && { token }) });
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port}/?${query.toString()}`);
    const opened = await new Promise<string>((resolve, reject) => {
      socket.on("error", () => undefined);
      socket.once("message", (message) => resolve(String(message)));
      socket.once("close", () => reject(new Error("the connection was refused")));
    });
    return { socket, user, token: token ?? opened };
  }

  get port(): number {
    return this.#port;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}

export interface Client {
  readonly socket: WebSocket;
  readonly user: string;
  readonly token: string;
}

/** The events that the processes of one test have written. */
export class EventFile {
  readonly path: string = join(tmpdir(), `wsession-events-${process.pid}-${Math.random()}`);

  constructor() {
    writeFileSync(this.path, "");
  }

  /** By the ids of events, how often each was begun. */
  begun(type: SessionEventType): Map<string, { readonly event: SessionEvent; readonly times: number }> {
    return this.#read("begun", type);
  }

  handled(type: SessionEventType): Map<string, { readonly event: SessionEvent; readonly times: number }> {
    return this.#read("handled", type);
  }

  /** When the last event of this type was begun, as `Date.now()`. */
  lastAt(type: SessionEventType): number {
    const times = this.#lines().flatMap(([stage, kind, , at]) =>
      stage === "begun" && kind === type ? [at] : [],
    );
    return Math.max(...times);
  }

  #lines(): [stage: string, kind: string, event: SessionEvent, at: number][] {
    const lines = readFileSync(this.path, "utf8").split("\n");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- worker.mjs writes nothing else
    return lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as [string, string, SessionEvent, number]);
  }

  #read(what: string, type: string): Map<string, { readonly event: SessionEvent; readonly times: number }> {
    const found = new Map<string, { readonly event: SessionEvent; readonly times: number }>();
    for (const [stage, kind, event] of this.#lines()) {
      if (stage !== what || kind !== type) continue;
      found.set(event.id, { event, times: (found.get(event.id)?.times ?? 0) + 1 });
    }
    return found;
  }
}
