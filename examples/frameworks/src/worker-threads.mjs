// worker_threads: two servers in threads of one process. Threads share no port, so each has its own, behind a balancer.
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { serve } from "./node.mjs";

/** @param {string} redisUrl */
export async function start(redisUrl) {
  const workers = ["thread 1", "thread 2"].map(
    (name) => new Worker(new URL(import.meta.url), { workerData: { redisUrl, name } }),
  );
  const ports = await Promise.all(workers.map(async (worker) => Number((await once(worker, "message"))[0])));
  const close = async () => {
    const ended = workers.map((worker) => once(worker, "exit"));
    for (const worker of workers) worker.postMessage("stop");
    await Promise.all(ended);
  };
  return { ports, close };
}

if (!isMainThread) {
  const { port, close } = await serve(workerData.redisUrl, workerData.name, 0);
  parentPort?.once("message", () => void close());
  parentPort?.postMessage(port);
}
