/** Starts and stops the processes of the demo, and starts a process again after it has died. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DemoFailure } from "./failure.ts";
import type { Endpoint } from "./messages.ts";
import type { BoardSlot } from "./operator/board.ts";
import type { ProcessReport } from "./operator/contract.ts";
import type { WorkerMessage, WorkerRequest } from "./worker.ts";

export interface WorkersOptions {
  /** The port of the first process; 0 for free ports. */
  readonly port: number;
  readonly runtimes: readonly Endpoint["runtime"][];
  readonly origins: readonly string[];
  /** The environment of the processes. */
  readonly env: NodeJS.ProcessEnv;
  readonly onReport: (number: number, report: ProcessReport) => void;
  readonly ended: (number: number, pid: number | undefined, signal: NodeJS.Signals | null) => void;
  readonly servesAgain: (number: number, pid: number | undefined) => void;
  /** A process could not be started again. */
  readonly failed: (failure: unknown) => void;
}

export type WorkerAction = "kill" | "stop" | "continue";

interface Slot {
  readonly number: number;
  readonly runtime: Endpoint["runtime"];
  readonly name: string;
  port: number;
  state: BoardSlot["state"];
  child: ChildProcess | undefined;
}

const STOP_WITHIN_MS = 5_000;
const SIGNALS = { kill: "SIGKILL", stop: "SIGSTOP", continue: "SIGCONT" } as const;

export class Workers {
  readonly #options: WorkersOptions;
  readonly #slots: readonly Slot[];
  #isClosing = false;

  constructor(options: WorkersOptions) {
    const { port, runtimes } = options;
    this.#options = options;
    this.#slots = runtimes.map((runtime, index) => ({
      number: index + 1,
      runtime,
      name: nameAmong(runtimes, index),
      port: port === 0 ? 0 : port + index,
      state: "starting",
      child: undefined,
    }));
  }

  /** Resolves when all of them serve. */
  async start(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#start(slot)));
  }

  slots(): BoardSlot[] {
    return this.#slots.map(({ number, runtime, name, port, state, child }) => ({
      runtime,
      name,
      port,
      process: number,
      pid: child?.pid ?? 0,
      state,
    }));
  }

  /** Returns the reason if the action isn't possible. */
  act(action: WorkerAction, number: number | undefined): string | undefined {
    const slot = this.#slots.find((known) => known.number === number);
    if (slot?.child === undefined || !isRunning(slot.child)) return "There is no such process now.";
    slot.child.kill(SIGNALS[action]);
    if (action !== "kill") slot.state = action === "stop" ? "stopped" : "running";
    return undefined;
  }

  /** Sends a request to the first process that runs. */
  ask(request: WorkerRequest): void {
    this.#slots.find(({ state }) => state === "running")?.child?.send(request, () => {});
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const children = this.#slots.flatMap(({ child }) =>
      child !== undefined && isRunning(child) ? [child] : [],
    );
    await Promise.all(children.map(stopChild));
  }

  async #start(slot: Slot): Promise<void> {
    const { env, origins, onReport, ended } = this.#options;
    slot.state = "starting";
    const child = fork(join(import.meta.dirname, "worker.js"), argumentsOf(slot, origins), { env });
    slot.child = child;
    slot.port = await portOf(child, slot);
    slot.state = "running";
    child.on("message", (message: WorkerMessage) => {
      if ("report" in message) onReport(slot.number, message.report);
    });
    const again = (): void => {
      if (this.#isClosing) return;
      ended(slot.number, child.pid, child.signalCode);
      this.#restart(slot).catch(this.#options.failed);
    };
    if (isRunning(child)) child.once("exit", again);
    else again();
  }

  async #restart(slot: Slot): Promise<void> {
    while (!(await this.#startUnlessKilled(slot))) if (this.#isClosing) return;
    this.#options.servesAgain(slot.number, slot.child?.pid);
  }

  /**
   * Returns whether the process serves. A signal that ends the process before that is no reason to end the demo: the second press of
   * "Kill" may reach the process that the first press has made necessary.
   */
  async #startUnlessKilled(slot: Slot): Promise<boolean> {
    try {
      await this.#start(slot);
      return true;
    } catch (failure) {
      const signal = slot.child?.signalCode ?? null;
      if (signal === null) throw failure;
      if (!this.#isClosing) this.#options.ended(slot.number, slot.child?.pid, signal);
      return false;
    }
  }
}

/** The runtime's name, with a number if other processes have the same runtime. */
function nameAmong(runtimes: readonly Endpoint["runtime"][], index: number): string {
  const runtime = runtimes[index];
  const name = runtime === "ws" ? "ws" : "uWebSockets.js";
  const same = runtimes.filter((other) => other === runtime).length;
  return same === 1 ? name : `${name}, process ${index + 1}`;
}

function argumentsOf({ number, runtime, port }: Slot, allowed: readonly string[]): string[] {
  const args = ["--number", String(number), "--runtime", runtime, "--port", String(port)];
  return [...args, ...allowed.flatMap((origin) => ["--origin", origin])];
}

/** Waits for the first message that a worker sends. */
async function portOf(child: ChildProcess, { number }: Slot): Promise<number> {
  const ended = new AbortController();
  child.once("exit", (code, signal) => ended.abort(signal ?? `exit code ${code}`));
  try {
    const [message]: unknown[] = await once(child, "message", { signal: ended.signal });
    if (typeof message === "object" && message !== null) {
      if ("port" in message && typeof message.port === "number") return message.port;
      if ("failure" in message) throw new DemoFailure(String(message.failure));
    }
    throw new DemoFailure(`process ${number} said something else than its port.`);
  } catch (error) {
    if (!ended.signal.aborted) throw error;
    throw new DemoFailure(`process ${number} ended before it served (${String(ended.signal.reason)}).`, {
      cause: error,
    });
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function stopChild(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  // A stopped process gets SIGTERM only when it continues.
  child.kill("SIGCONT");
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
  await ended;
  clearTimeout(late);
}
