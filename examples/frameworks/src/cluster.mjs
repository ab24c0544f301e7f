// node:cluster: `node cluster.mjs redis://…` starts two workers that share one port, and prints the port.
import cluster from "node:cluster";
import { once } from "node:events";
import process from "node:process";
import { serve } from "./node.mjs";

const [redisUrl = ""] = process.argv.slice(2);

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()];
  const ports = await Promise.all(workers.map(async (worker) => (await once(worker, "message"))[0]));
  console.log(ports[0]);
  process.once("SIGTERM", () => {
    // Each worker closes its sessions, so that its clients get 1012 and come back to another.
    for (const worker of workers) worker.send("stop");
  });
} else {
  // Port 0 is the same free port in all workers: node:cluster hands the connections out, one by one.
  const { port, close } = await serve(redisUrl, `worker ${cluster.worker?.id}`, 0);
  process.on("message", () => void close().then(() => process.disconnect?.()));
  process.send?.(port);
}
