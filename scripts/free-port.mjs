import { once } from "node:events";
import { createServer } from "node:net";

const HOST = "127.0.0.1";

/**
 * Finds a free port of the loopback interface, below the range of ephemeral ports: a connection of another program could take an
 * ephemeral port before the server listens. Another program may take the port first, so whoever starts a server checks
 * that this server answers. The port that is `above` higher is free and below that range too. A node of a Redis Cluster
 * has its bus 10,000 above its port.
 */
export async function freePort(above = 0) {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * (21_000 - above));
    if ((await isFree(port)) && (above === 0 || (await isFree(port + above)))) return port;
  }
}

/** @param {number} port */
async function isFree(port) {
  const probe = createServer();
  const listening = once(probe, "listening").then(
    () => true,
    () => false,
  );
  probe.listen(port, HOST);
  if (!(await listening)) return false;
  probe.close();
  await once(probe, "close");
  return true;
}
