import { progress } from "../kit/report.ts";
import { freePort } from "../kit/redis.ts";
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

export interface Deployment {
  readonly balancer: Balancer;
  /** Sends a message each way at the given rate, while the processes are restarted one by one. */
  restartAll(moves: Moves, size: Size, exchange: () => void): Promise<void>;
  stop(): Promise<void>;
}

/** Three processes behind nginx. */
export async function deploy(module: string, redis: number, { nginx, drainMs }: Size): Promise<Deployment> {
  const ports: number[] = [];
  while (ports.length < PROCESSES) ports.push(await freePort());
  const start = (port: number): Promise<ServerProcess> =>
    ServerProcess.start(module, { args: [String(redis), String(port), String(drainMs)] });
  const processes = await Promise.all(ports.map(start));
  const balancer = nginx ? await startNginx(ports) : inTurn(ports);
  return {
    balancer,
    async restartAll(moves, size, exchange) {
      let owed = 0;
      const timer = setInterval(() => {
        for (owed += (size.perSecond * TICK_MS) / 1_000; owed >= 1; owed -= 1) exchange();
      }, TICK_MS);
      for (const [index, port] of ports.entries()) {
        moves.beginRestart();
        await processes[index]?.terminate();
        processes[index] = await start(port);
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

/** Polls until `isDone`, at most `ms`. */
export async function settled(ms: number, isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + ms;
  while (!isDone() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
}
