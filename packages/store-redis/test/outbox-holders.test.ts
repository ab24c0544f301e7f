import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { AppendedEvent, OutboxEntry } from "@wsession/core";
import { aCreation, hold } from "./fake-host.ts";
import { aMessage, anAppend, appended, BEGINNING, endOf, readFrom, textsOf } from "./fake-reader.ts";
import { type Process, clusterOf, connected, startProcess } from "./processes.ts";
import { type RedisCluster, type RedisServer, startCluster, startRedis, until } from "./redis-server.ts";

const servers: { standalone: RedisServer | undefined; cluster: RedisCluster | undefined } = {
  standalone: undefined,
  cluster: undefined,
};

beforeAll(async () => {
  [servers.standalone, servers.cluster] = await Promise.all([startRedis(), startCluster()]);
});

afterAll(async () => {
  await Promise.all([servers.standalone?.stop(), servers.cluster?.stop()]);
});

function appendsHeard({ host }: Process, id: string): AppendedEvent[] {
  return host.eventsOf(id).filter((event) => event.type === "appended");
}

describe.each([
  { kind: "standalone", connect: () => new Redis(servers.standalone?.port ?? 0) },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes ?? [])() },
])("on $kind", ({ connect }) => {
  test("announcements carry small messages, name large ones, and reach only the holders of the session", async () => {
    const [sender, holder, bystander] = [startProcess(connect), startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await sender.store.create(aCreation({ id }));
    await hold(holder.store, holder.host, id);
    await hold(bystander.store, bystander.host, id);
    await bystander.store.release(id);
    const bytes = Uint8Array.from([0, 255, 128]);
    const one = await appended(sender, id, ["a", aMessage(bytes, { ttlMs: 60_000 })]);
    await until(() => appendsHeard(holder, id).length === 1);
    const [first, second] = one.chains;
    expect(appendsHeard(holder, id)).toEqual([
      {
        type: "appended",
        id,
        end: endOf(one),
        run: {
          before: BEGINNING,
          entries: [
            { chain: first, data: "a", isReplaced: false },
            { chain: second, data: bytes, isReplaced: false },
          ],
        },
      },
    ]);
    const two = await appended(sender, id, ["x".repeat(2_049)]);
    await until(() => appendsHeard(holder, id).length === 2);
    expect(appendsHeard(holder, id)[1]).toEqual({ type: "appended", id, end: endOf(two) });
    expect(bystander.host.events).toEqual([]);
    expect(sender.host.events).toEqual([]);
  });

  test("I15 a third process reads the messages that two processes send at the same time in one order, each once, also during the sends", async () => {
    const [one, two, reader] = [startProcess(connect), startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await one.store.create(aCreation({ id }));
    const sent: string[] = [];
    const send = async (from: Process, name: string): Promise<void> => {
      for (let n = 0; n < 60; n += 1) {
        sent.push(`${name}${n}`);
        await appended(from, id, [`${name}${n}`]);
      }
    };
    let isDone = false;
    const sending = Promise.all([send(one, "a"), send(two, "b")]).then(() => (isDone = true));
    const entries: OutboxEntry[] = [];
    let at = BEGINNING;
    for (;;) {
      const isLast = isDone;
      const page = await readFrom(reader, id, at, { maxBytes: 40 });
      expect(page).toMatchObject({ missed: undefined, start: at });
      entries.push(...page.entries);
      at = { offset: at.offset + page.entries.length, chain: page.entries.at(-1)?.chain ?? at.chain };
      if (isLast && at.offset === page.end.offset) break;
    }
    await sending;
    const texts = textsOf({ entries });
    expect(new Set(texts)).toEqual(new Set(sent));
    expect(texts).toHaveLength(sent.length);
    for (const name of ["a", "b"])
      expect(texts.filter((text) => text?.startsWith(name))).toEqual(
        Array.from({ length: 60 }, (_, n) => `${name}${n}`),
      );
  });

  test("I18 destroying a session removes its outbox for every process, also while others append", async () => {
    const [one, two] = [startProcess(connect), startProcess(connect)];
    await Promise.all([one, two].map(connected));
    const { id } = aCreation();
    await one.store.create(aCreation({ id }));
    await appended(one, id, ["kept"]);
    let gone = 0;
    const sending = (async (): Promise<void> => {
      while (gone < 3) if ((await two.store.append(anAppend(id, ["more"]))).type === "missing") gone += 1;
    })();
    await one.store.destroy(id, undefined, true);
    const request = { id, from: BEGINNING, witness: undefined, maxBytes: 100 };
    expect(await two.store.read(request)).toEqual({ type: "missing" });
    await sending;
    await until(async () => (await one.client.exists(`ws:o:{${id}}`)) === 0);
  });
});

describe("after a lost announcement", () => {
  /** A holder that Redis does not list, so that nothing is announced to it. */
  async function unlisted(sweepMs: number) {
    const port = servers.standalone?.port ?? 0;
    const client = new Redis(port);
    onTestFinished(() => client.disconnect());
    const [sender, holder] = [startProcess({ port }), startProcess({ port }, { sweepMs })];
    const { id } = aCreation();
    await sender.store.create(aCreation({ id }));
    await hold(holder.store, holder.host, id);
    const key = `ws:s:{${id}}`;
    return { client, sender, holder, id, key };
  }

  test("I16 the sweep reports the end of the outbox once, and the next message is announced again", async () => {
    const { client, sender, holder, id, key } = await unlisted(300);
    await client.hdel(key, "h");
    const end = endOf(await appended(sender, id, ["a", "b"]));
    await until(() => appendsHeard(holder, id).length > 0);
    expect(appendsHeard(holder, id)[0]).toEqual({ type: "appended", id, end });
    // The holder is listed again: the next one is announced.
    const next = endOf(await appended(sender, id, ["c"]));
    await until(() => appendsHeard(holder, id).some((event) => event.end.offset === next.offset));
    expect(appendsHeard(holder, id)).toHaveLength(2);
  });

  test("I19 the sweep compares chains, and reports an end with the same offset and another chain", async () => {
    const { client, sender, holder, id, key } = await unlisted(300);
    const { chains } = await appended(sender, id, ["lost"]);
    await until(() => appendsHeard(holder, id).length === 1);
    const other = ((chains[0] ?? 0) + 1) % 2 ** 31;
    // The state of a server that lost the message, and has another message at its offset.
    await client.hset(key, "o", `1 1 ${other} 5`);
    // A slow append may come after a sweep that has listed the holder again, and is then announced too.
    await until(() => appendsHeard(holder, id).at(-1)?.end.chain === other);
    expect(appendsHeard(holder, id).at(-1)).toEqual({
      type: "appended",
      id,
      end: { offset: 1, chain: other },
    });
  });

  test("I19 the sweep reports an outbox that ends before the last announced offset", async () => {
    const { client, sender, holder, id, key } = await unlisted(300);
    await appended(sender, id, ["kept", "lost"]);
    await until(() => appendsHeard(holder, id).length === 1);
    await client.hdel(key, "o");
    // A slow append may come after a sweep that has listed the holder again, and is then announced too.
    await until(() => appendsHeard(holder, id).at(-1)?.end.offset === 0);
    expect(appendsHeard(holder, id).at(-1)).toEqual({ type: "appended", id, end: BEGINNING });
  });
});
