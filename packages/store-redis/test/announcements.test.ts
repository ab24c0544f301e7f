import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StoreEvent } from "@wsession/core";
import { aCreation, aResume, aWrite, hold } from "./fake-host.ts";
import { type Process, clusterOf, connected, startProcess } from "./processes.ts";
import { cli, until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { useStandaloneAndCluster } from "./shared-servers.ts";

const servers = useStandaloneAndCluster();

async function received(process: Process, id: string, type: StoreEvent["type"]): Promise<StoreEvent> {
  await until(() => process.host.eventsOf(id).some((event) => event.type === type));
  return process.host.eventsOf(id).find((event) => event.type === type) ?? expect.fail();
}

describe.each([
  { kind: "standalone", connect: () => new Redis(servers.standalone?.port ?? 0) },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes ?? [])() },
])("on $kind", ({ connect }) => {
  test("a change reaches the holders of the session, with the changed fields, and no other process", async () => {
    const [writer, holder, bystander] = [startProcess(connect), startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await writer.store.create(aCreation({ id, data: { a: 1 } }));
    const { lineage: after } = await hold(holder.store, holder.host, id);
    await hold(bystander.store, bystander.host, id);
    await bystander.store.release(id);
    await writer.store.write({
      ...aWrite(id, {}),
      change: { type: "fields", set: { 'quo"te/': [{}] }, unset: ["a"] },
    });
    const lineage = (await writer.store.load(id))?.lineage;
    expect(await received(holder, id, "written")).toEqual({
      type: "written",
      id,
      version: 2,
      lineage,
      after,
      change: { type: "fields", set: { 'quo"te/': [{}] }, unset: ["a"] },
    });
    await writer.store.write({
      ...aWrite(id, {}, { known: 2 }),
      change: { type: "replace", data: { b: "é" }, base: undefined },
    });
    await until(() => holder.host.eventsOf(id).length === 2);
    expect(holder.host.eventsOf(id)[1]).toMatchObject({
      version: 3,
      change: { type: "replace", data: { b: "é" } },
    });
    expect(bystander.host.events).toEqual([]);
    expect(writer.host.events).toEqual([]);
  });

  test("a large change is announced without its fields", async () => {
    const [writer, holder] = [startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await writer.store.create(aCreation({ id }));
    await hold(holder.store, holder.host, id);
    await writer.store.write(aWrite(id, { large: "x".repeat(5_000) }));
    expect(await received(holder, id, "written")).toEqual({
      type: "written",
      id,
      version: 2,
      lineage: (await writer.store.load(id))?.lineage,
      change: undefined,
    });
  });

  test("events of other processes during a resume are delivered once the session is held (I7)", async () => {
    const writer = startProcess(connect);
    const { id } = aCreation();
    await writer.store.create(aCreation({ id, data: { n: 0 } }));
    for (let round = 0; round < 20; round += 1) {
      const taker = startProcess(connect);
      const known = (await writer.store.load(id))?.version ?? 0;
      const [taken, written] = await Promise.all([
        hold(taker.store, taker.host, id),
        writer.store.write(aWrite(id, { n: round }, { known })),
      ]);
      const version = written.type === "written" ? written.version : 0;
      if (taken.version < version) await received(taker, id, "written");
      await until(() => (taker.host.held(id)?.version ?? 0) >= version);
    }
  });

  test("destroy closes the connections of other holders, and reports how many there were", async () => {
    const [destroyer, one, two] = [startProcess(connect), startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await destroyer.store.create(aCreation({ id, hold: true }));
    await hold(one.store, one.host, id);
    await hold(one.store, one.host, id);
    await hold(two.store, two.host, id);
    expect(await destroyer.store.destroy(id, "enough", true)).toEqual({
      destroyed: [id],
      closed: 3,
      unreachable: [],
    });
    expect(one.host.eventsOf(id)).toEqual([{ type: "destroyed", id, reason: "enough" }]);
    expect(destroyer.host.events).toEqual([]);
  });

  test("the store also ends the connections of the process that calls destroy, without waiting for other processes", async () => {
    const [destroyer, other] = [startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await destroyer.store.create(aCreation({ id }));
    await hold(destroyer.store, destroyer.host, id);
    await hold(other.store, other.host, id);
    expect(await destroyer.store.destroy(id, "enough", true)).toEqual({
      destroyed: [id],
      closed: 2,
      unreachable: [],
    });
    expect(destroyer.host.eventsOf(id)).toEqual([{ type: "destroyed", id, reason: "enough" }]);
  });

  test("destroy reports a dead process, and does not wait for it", async () => {
    const [destroyer, holder] = [startProcess(connect, { confirmMs: 20_000 }), startProcess(connect)];
    const { id } = aCreation();
    await destroyer.store.create(aCreation({ id }));
    await hold(holder.store, holder.host, id);
    const holders = await destroyer.client.hget(`ws:s:{${id}}`, "h");
    await destroyer.client.hset(`ws:s:{${id}}`, "h", `${holders},deadnode=2.7`);
    expect(await destroyer.store.destroy(id, undefined, true)).toEqual({
      destroyed: [id],
      closed: 1,
      unreachable: ["deadnode"],
    });
  });
});

test("a process that does not confirm counts as unreachable after confirmMs", async () => {
  const proxy = await startProxy(servers.standalone ?? expect.fail());
  onTestFinished(() => proxy.close());
  const destroyer = startProcess(() => new Redis(servers.standalone?.port ?? 0), { confirmMs: 200 });
  const cutOff = startProcess({ port: proxy.port });
  const { id } = aCreation();
  await destroyer.store.create(aCreation({ id }));
  await hold(cutOff.store, cutOff.host, id);
  const [node] = (await destroyer.store.presence(id)).nodes;
  proxy.replies("drop");
  expect(await destroyer.store.destroy(id, undefined, true)).toEqual({
    destroyed: [id],
    closed: 0,
    unreachable: [node?.node],
  });
  proxy.replies("pass");
});

test("a subscription that silently delivers nothing is replaced, whatever the client's own commandTimeout is", async () => {
  const server = servers.standalone ?? expect.fail();
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const client = new Redis({ port: server.port, commandTimeout: 100 });
  // Only its subscriptions go through the proxy.
  const duplicate = client.duplicate.bind(client);
  let made = 0;
  client.duplicate = (options) => {
    made += 1;
    const own = duplicate(options);
    // The first connection is for commands.
    if (made > 1) own.options.port = proxy.port;
    return own;
  };
  const writer = startProcess(server);
  const holder = startProcess(() => client, { timeoutMs: 500, leaseMs: 600, sweepMs: 600_000 });
  const { id } = aCreation();
  await writer.store.create(aCreation({ id }));
  await connected(holder);
  await hold(holder.store, holder.host, id);
  const before = made;
  expect(before).toBeGreaterThanOrEqual(2);
  proxy.replies("drop");
  await until(() => made > before);
  proxy.replies("pass");
  await writer.store.write(aWrite(id, { n: 1 }));
  await until(() => holder.host.held(id)?.version === 2);
});

describe("a change whose announcement was lost is read (I7)", () => {
  const connect = (): Redis => new Redis(servers.standalone?.port ?? 0);

  test("after the subscription was cut while the commands went on", async () => {
    // A sweep would read the sessions too, while `until` waits.
    const [writer, holder] = [startProcess(connect), startProcess(connect, { sweepMs: 600_000 })];
    const port = servers.standalone?.port ?? 0;
    const [changed, destroyed] = [aCreation(), aCreation()];
    for (const { id } of [changed, destroyed]) {
      await writer.store.create(aCreation({ id, data: { n: 0 } }));
      await hold(holder.store, holder.host, id);
    }
    await cli(port, "client", "kill", "type", "pubsub");
    await writer.store.write(aWrite(changed.id, { n: 1 }));
    await writer.store.destroy(destroyed.id, "bye", false);
    await until(() => holder.host.held(changed.id)?.version === 2);
    await until(() => holder.host.held(destroyed.id) === undefined);
    expect(await received(holder, destroyed.id, "destroyed")).toMatchObject({ reason: "bye" });
  });

  test("by the sweep, if the loss was not detected: a write, a takeover, a destruction and an expiry", async () => {
    const [writer, holder] = [startProcess(connect), startProcess(connect, { sweepMs: 300 })];
    const names = ["written", "replaced", "destroyed", "expired"] as const;
    const ids = names.map(() => aCreation().id);
    for (const id of ids) {
      await writer.store.create(aCreation({ id, data: { n: 0 } }));
      await hold(holder.store, holder.host, id);
    }
    const [written = "", replaced = "", destroyed = "", expired = ""] = ids;
    // The session's record has no holders when each change is made, so no announcement is sent.
    const { store, client } = writer;
    const unheld = (id: string): unknown => client.hdel(`ws:s:{${id}}`, "h");
    await Promise.all([unheld(written), store.write(aWrite(written, { n: 1 }))]);
    await Promise.all([unheld(replaced), store.resume(aResume(replaced, { exclusive: true }))]);
    await Promise.all([unheld(destroyed), store.destroy(destroyed, "bye", false)]);
    await store.touch(expired, 1);
    expect(await received(holder, written, "loaded")).toMatchObject({
      session: { version: 2, data: { n: 1 } },
    });
    const fence = (await store.load(replaced))?.fence;
    expect(await received(holder, replaced, "replaced")).toMatchObject({ fence });
    expect(await received(holder, destroyed, "destroyed")).toMatchObject({ reason: "bye" });
    await received(holder, expired, "expired");
    expect(holder.host.errors).toEqual([]);
  });

  test("by the sweep, which also registers a holder that Redis lost, so that it gets later announcements", async () => {
    const [writer, holder] = [startProcess(connect), startProcess(connect, { sweepMs: 300 })];
    const { id } = aCreation();
    await writer.store.create(aCreation({ id }));
    await hold(holder.store, holder.host, id);
    // The state after a failover that lost the registration of the holder, and not its lease.
    await writer.client.hdel(`ws:s:{${id}}`, "h");
    await until(async () => (await writer.store.presence(id)).nodes.length === 1);
    expect(await writer.store.destroy(id, undefined, true)).toMatchObject({ closed: 1, unreachable: [] });
  });
});
