import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { parseMetadata } from "../src/base/record.ts";
import { aCreation, aResume, aWrite, hold, newDigest } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

const connect = (): Redis => new Redis(server.port);
/** Metadata of a later release: still format 1, with further parts that this release does not define. */
const LATER = " 1 mcx81 x=7,y";

const keyOf = (id: string): string => `ws:s:{${id}}`;

interface Born {
  readonly id: string;
  readonly digest: string;
}

/** A session of a later release: further parts in metadata, holders and secrets, and a further field. */
async function aLaterSession({ store, client }: Process, more = LATER): Promise<Born> {
  const [id, digest] = [aCreation().id, newDigest()];
  await store.create(aCreation({ id, digest, subject: "ada", idleMs: 10_000 }));
  const metadata = (await client.hget(keyOf(id), "m")) ?? "";
  await client.hset(keyOf(id), "m", metadata + more, "Z", "of a later release");
  return { id, digest };
}

async function moreOf({ client }: Process, id: string): Promise<string> {
  const metadata = (await client.hget(keyOf(id), "m")) ?? "";
  return metadata.split(" ").slice(7).join(" ");
}

describe("fault B9: parts that a later release adds to a record are ignored and kept", () => {
  const operations: readonly {
    readonly name: string;
    readonly run: (process: Process, born: Born) => Promise<unknown>;
  }[] = [
    { name: "load", run: ({ store }, { id }) => store.load(id) },
    { name: "write", run: ({ store }, { id }) => store.write(aWrite(id, { visits: 1 })) },
    {
      name: "replace",
      run: ({ store }, { id }) =>
        store.write(aWrite(id, {}, { change: { type: "replace", data: { other: 1 }, base: undefined } })),
    },
    { name: "touch", run: ({ store }, { id }) => store.touch(id, 3_600_000, 7_200_000) },
    {
      name: "resume",
      run: ({ store }, { id, digest }) => store.resume(aResume(id, { digest, idleMs: 3_600_000 })),
    },
    {
      name: "takeover",
      run: ({ store, host }, { id, digest }) => hold(store, host, id, { digest, exclusive: true }),
    },
    {
      name: "identify",
      run: ({ store }, { id }) =>
        store.rotate({
          id,
          digest: newDigest(),
          renewalDigest: newDigest(),
          renewalMs: 1_000,
          graceMs: 1_000,
          subject: "ada",
          fence: undefined,
          known: 1,
        }),
    },
    {
      name: "release",
      run: async ({ store, host }, { id }) => {
        await hold(store, host, id);
        await store.release(id);
      },
    },
  ];

  test.each(operations)("by $name", async ({ run }) => {
    const process = startProcess(connect);
    const born = await aLaterSession(process);
    await run(process, born);
    expect(await moreOf(process, born.id)).toBe(LATER.trim());
    expect(await process.client.hget(keyOf(born.id), "Z")).toBe("of a later release");
    expect((await process.store.load(born.id))?.subject).toBe("ada");
    expect(process.host.errors).toEqual([]);
  });

  test("and such a session is found, counted as present, destroyed and swept like any other", async () => {
    const process = startProcess(connect, { prefix: "ws", sweepMs: 200 });
    const { store, host, client } = process;
    const { id } = await aLaterSession(process);
    await hold(store, host, id);
    expect(await store.bySubject("ada")).toContain(id);
    expect((await store.presence(id)).nodes).toHaveLength(1);
    // The change is not announced, so only the sweep can find it.
    const metadata = (await client.hget(keyOf(id), "m")) ?? "";
    await client.hset(keyOf(id), "m", metadata.replace(/^1 \d+/, "2 77"), "d:visits", "5");
    await until(() => host.held(id)?.version === 2);
    expect(host.held(id)?.data).toEqual({ visits: 5 });
    expect((await store.destroySubject("ada", undefined)).destroyed).toContain(id);
    expect(await store.load(id)).toBeUndefined();
    expect(host.errors).toEqual([]);
  });

  test("and a holder with such an entry stays a holder while others come and go", async () => {
    const [process, other] = [startProcess(connect), startProcess(connect)];
    const { id } = await aLaterSession(process);
    await hold(process.store, process.host, id);
    const holders = (await process.client.hget(keyOf(id), "h")) ?? "";
    await process.client.hset(keyOf(id), "h", `${holders};later`);
    await hold(other.store, other.host, id);
    expect(await process.client.hget(keyOf(id), "h")).toContain(`${holders};later,`);
    expect((await other.store.presence(id)).nodes).toHaveLength(2);
    await other.store.write(aWrite(id, { visits: 9 }));
    await until(() => process.host.eventsOf(id).some(({ type }) => type === "written"));
  });

  test("a record of an unknown format is refused and left unchanged", async () => {
    const process = startProcess(connect);
    const { store, client } = process;
    const { id, digest } = await aLaterSession(process, " 2 mcx81");
    const before = await client.hgetall(keyOf(id));
    const refused = { code: "CORRUPT_RECORD", outcome: "not-applied" };
    await expect(store.load(id)).rejects.toMatchObject(refused);
    await expect(store.resume(aResume(id, { digest }))).rejects.toMatchObject(refused);
    await expect(store.write(aWrite(id, { visits: 1 }))).rejects.toMatchObject(refused);
    await expect(store.touch(id, 60_000)).rejects.toMatchObject(refused);
    expect(await client.hgetall(keyOf(id))).toEqual(before);
    // An unreadable session can be destroyed like any other session.
    expect((await store.destroy(id, undefined, false)).destroyed).toEqual([id]);
  });
});

test("a record of an unknown format is also refused by reads without a script", () => {
  expect(parseMetadata("3 7 0 0 20 0 0 1 more")).toMatchObject({ version: 3, lineage: 7 });
  expect(() => parseMetadata("3 7 0 0 20 0 0 2 more")).toThrow(
    expect.objectContaining({ code: "CORRUPT_RECORD" }),
  );
});
