import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { aCreation, aResume, aWrite } from "./fake-host.ts";
import { leaveCluster } from "./cluster-nodes.ts";
import { type Process, clusterOf, startProcess } from "./processes.ts";
import { type RedisServer, cli, startCluster, until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { aServer } from "./shared-servers.ts";

const TIMEOUT_MS = 700;
const HEALTH_MS = 1_000;

describe("fault B5: a subscription is checked by a message to its own channel", () => {
  test("changes arrive again soon after the subscription's node has left the Cluster and keeps running", async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const timing = { timeoutMs: TIMEOUT_MS, leaseMs: 1_500, sweepMs: 600_000 };
    const writer = startProcess(clusterOf(cluster.nodes), timing);
    const { id } = aCreation();
    await until(async () => (await writer.store.create(aCreation({ id }))).type !== "full");
    // A replica can be reset with its data; a process whose subscription is on one is looked for.
    let holder: Process;
    let carrier: RedisServer | undefined;
    do {
      holder = startProcess(clusterOf(cluster.nodes), timing);
      await held(holder, id);
      carrier = await carrierOf(cluster.nodes, holder, id);
    } while (carrier === undefined);
    await leaveCluster(cluster.nodes, carrier);
    let version = 1;
    await until(async () => {
      const written = await writer.store.write(aWrite(id, { version }, { known: version }));
      if (written.type === "written") ({ version } = written);
      return (holder.host.held(id)?.version ?? 0) > 1;
    }, 20_000);
  }, 90_000);

  test("a subscription that delivers nothing, on a connection that answers PING, is replaced", async () => {
    const server = await aServer();
    const elsewhere = await aServer();
    const proxy = await startProxy(elsewhere);
    onTestFinished(() => proxy.close());
    const client = new Redis(server.port, "127.0.0.1");
    const duplicate = client.duplicate.bind(client);
    let made = 0;
    client.duplicate = (options) => {
      const own = duplicate(options);
      made += 1;
      // The first subscription goes to a server on which nothing is published, as if the server were disconnected.
      if (made === 2) own.options.port = proxy.port;
      return own;
    };
    const { store } = startProcess(() => client, { timeoutMs: TIMEOUT_MS, leaseMs: 900 });
    await until(async () => (await store.create(aCreation({ hold: true }))).type === "created");
    expect(made).toBeGreaterThan(2);
  });

  test("without the right to publish a change is applied, the missing right is reported, and other processes read the change later", async () => {
    const server = await aServer();
    const timing = { leaseMs: 900, sweepMs: 600_000 };
    const [writer, holder] = [startProcess(server, timing), startProcess(server, timing)];
    const { id } = aCreation();
    await until(async () => (await writer.store.create(aCreation({ id }))).type !== "full");
    await held(holder, id);
    await until(async () => (await holder.store.health(HEALTH_MS)).ok);
    await cli(server.port, "acl", "setuser", "default", "-publish", "-spublish");
    const written = await writer.store.write(aWrite(id, { silent: 1 }));
    expect(written).toMatchObject({ type: "written", version: 2 });
    await until(() => [writer, holder].every(({ host }) => host.errors.length > 0));
    expect(holder.host.errors).toEqual([
      expect.objectContaining({
        code: "NOT_SUPPORTED",
        message: expect.stringMatching(/no right to .*channels/),
      }),
    ]);
    await until(async () => (await holder.store.health(HEALTH_MS)).subscription === false);
    expect(holder.host.held(id)?.version).toBe(1);
    await cli(server.port, "acl", "setuser", "default", "+publish", "+spublish");
    await until(() => holder.host.held(id)?.version === 2);
    await until(async () => (await holder.store.health(HEALTH_MS)).ok);
  });

  test("without the right to the channels, the missing right is reported once, also at the start", async () => {
    const server = await aServer();
    await cli(server.port, "acl", "setuser", "default", "resetchannels");
    const { store, host } = startProcess(server, { leaseMs: 900 });
    await until(() => host.errors.length > 0);
    await cli(server.port, "acl", "setuser", "default", "allchannels");
    await until(async () => (await store.health(HEALTH_MS)).ok);
    expect(host.errors).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
    await cli(server.port, "acl", "setuser", "default", "resetchannels");
    await until(() => host.errors.length > 1);
    expect(host.errors[1]).toMatchObject({ code: "NOT_SUPPORTED" });
  });

  test("a missing right is also reported if connections failed for another reason before", async () => {
    const server = await aServer();
    const proxy = await startProxy({ host: "127.0.0.1", port: server.port });
    onTestFinished(() => proxy.close());
    const { store, host } = startProcess(proxy, { timeoutMs: TIMEOUT_MS });
    await until(async () => (await store.health(HEALTH_MS)).ok);
    proxy.refuse(true);
    proxy.cut();
    await until(async () =>
      causeOf(await store.create(aCreation({ hold: true })).catch(identity)).includes("ECONNRESET"),
    );
    await cli(server.port, "acl", "setuser", "default", "resetchannels");
    proxy.refuse(false);
    await until(() => host.errors.length > 0);
    expect(host.errors).toEqual([expect.objectContaining({ code: "NOT_SUPPORTED" })]);
  });
});

const identity = (error: unknown): unknown => error;

function causeOf(error: unknown): string {
  return error instanceof Error ? String(error.cause) : "";
}

async function held({ store, host }: Process, id: string): Promise<void> {
  await until(async () => {
    const resumed = await store.resume(aResume(id, { hold: true }));
    if (resumed.type === "resumed") host.adopt(id, resumed.session);
    return resumed.type === "resumed";
  });
}

/** The replica that a holder's subscription is on; `undefined`: on a primary. A holder that this function requested is released. */
async function carrierOf(
  nodes: readonly RedisServer[],
  holder: Process,
  id: string,
): Promise<RedisServer | undefined> {
  const [own] = (await holder.store.presence(id)).nodes;
  for (const server of nodes) {
    const channels = await cli(server.port, "pubsub", "channels", `ws:k:${own?.node}`);
    if (channels !== "" && (await cli(server.port, "role")).startsWith("slave")) return server;
  }
  await holder.store.close();
  return undefined;
}
