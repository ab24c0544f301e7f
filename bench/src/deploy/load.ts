import { progress } from "../kit/report.ts";
import { freePort } from "../../../scripts/free-port.mjs";
import { ServerProcess } from "../kit/server-process.ts";
import { inTurn, startNginx } from "./nginx.ts";
import type { Balancer } from "./nginx.ts";
import type { Moves } from "./moves.ts";

export interface Size {
  readonly clients: number;
  readonly perSecond: number;
  readonly drainMs: number;
  readonly nginx: boolean;
}

const PROCESSES = 3;
const TICK_MS = 20;
const SETTLE_MS = 300;
/** Milliseconds that a process has beyond `drainMs` until SIGKILL: TimeoutStopSec in examples/deploy. */
const EXIT_MS = 10_000;
const LAST_RETRY_MS = 25_000;

export interface Deployment {
  readonly balancer: Balancer;
  /** Sends a message each way at the given rate, while the processes are restarted one by one. */
  restartAll(moves: Moves, size: Size, exchange: () => void): Promise<void>;
  stop(): Promise<void>;
}

/** Three processes, behind nginx if `size.nginx` is set. */
export async function deploy(module: string, redis: number, { nginx, drainMs }: Size): Promise<Deployment> {
  const ports: number[] = [];
  while (ports.length < PROCESSES) ports.push(await freePort());
  const start = (port: number): Promise<ServerProcess> =>
    ServerProcess.start(module, { args: [String(redis), String(port), String(drainMs)] });
  const processes = await Promise.all(ports.map(start));
  const stopping = new Set<number>();
  const balancer = nginx ? await startNginx(ports) : inTurn(ports, stopping);
  return {
    balancer,
    async restartAll(moves, size, exchange) {
      let owed = 0;
      const timer = setInterval(() => {
        for (owed += (size.perSecond * TICK_MS) / 1_000; owed >= 1; owed -= 1) exchange();
      }, TICK_MS);
      for (const [index, port] of ports.entries()) {
        moves.beginRestart();
        stopping.add(port);
        const exited = await processes[index]?.terminate(drainMs + EXIT_MS);
        if (exited === false) progress(`process ${index + 1} had to be killed`);
        processes[index] = await start(port);
        stopping.delete(port);
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        moves.endRestart(drainMs / 10);
        progress(`process ${index + 1} of ${PROCESSES} restarted`);
      }
      clearInterval(timer);
    },
    async stop() {
      await balancer.stop();
      await Promise.all(processes.map((one) => one.kill()));
    },
  };
}

/** Polls until `isDone`, at most as long as the retries of Socket.IO's client take. What is missing then is lost. */
export async function settled(isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + LAST_RETRY_MS;
  while (!isDone() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
}
