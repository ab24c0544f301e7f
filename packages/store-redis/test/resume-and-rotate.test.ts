import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { aCreation, aResume, aWrite, hold, newDigest } from "./fake-host.ts";
import { clusterOf, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useStandaloneAndCluster } from "./shared-servers.ts";

const servers = useStandaloneAndCluster();

describe.each([
  { kind: "standalone", connect: () => new Redis(servers.standalone?.port ?? 0) },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes.slice(0, 2) ?? [])() },
])("on $kind", ({ connect }) => {
  test("resume compares digests before it changes anything", async () => {
    const { store } = startProcess(connect);
    const creation = aCreation();
    await store.create(creation);
    const before = await store.load(creation.id);
    expect(
      await store.resume(aResume(creation.id, { digest: newDigest(), idleMs: 9_000_000, hold: true })),
    ).toEqual({ type: "wrong" });
    expect((await store.load(creation.id))?.idleInMs).toBeLessThanOrEqual(before?.idleInMs ?? 0);
    expect((await store.presence(creation.id)).nodes).toEqual([]);
    expect(await store.resume(aResume(creation.id, { digest: creation.digest }))).toMatchObject({
      type: "resumed",
      by: "current",
    });
    expect(await store.resume(aResume(creation.id))).toMatchObject({ type: "resumed", by: "none" });
    const open = aCreation({ digest: undefined });
    await store.create(open);
    expect(await store.resume(aResume(open.id, { digest: newDigest() }))).toEqual({ type: "wrong" });
  });

  test("rotate keeps the previous verifier valid for its grace period; after that it is a sign of theft, unlike a wrong verifier", async () => {
    const { store } = startProcess(connect);
    const creation = aCreation();
    const { id } = creation;
    await store.create(creation);
    const next = newDigest();
    const rotation = {
      id,
      digest: next,
      renewalDigest: newDigest(),
      renewalMs: 60_000,
      graceMs: 60_000,
      subject: undefined,
      fence: undefined,
      known: 1,
    };
    expect(await store.rotate(rotation)).toEqual({ type: "rotated", version: 1, session: undefined });
    expect(await store.resume(aResume(id, { digest: creation.digest }))).toMatchObject({ by: "previous" });
    expect(await store.resume(aResume(id, { digest: next }))).toMatchObject({ by: "current" });
    await store.rotate({ ...rotation, digest: newDigest(), graceMs: 1 });
    await until(async () => (await store.resume(aResume(id, { digest: next }))).type === "stolen");
    // Only the previous verifier is a sign of theft. An older one is just wrong.
    expect(await store.resume(aResume(id, { digest: creation.digest }))).toEqual({ type: "wrong" });
    expect(await store.resume(aResume(id, { digest: newDigest() }))).toEqual({ type: "wrong" });
  });

  test("a renewal code resumes the session once, and the next verifier is the current one from then on", async () => {
    const { store } = startProcess(connect);
    const creation = aCreation();
    const { id } = creation;
    await store.create(creation);
    const [replaced, renewalDigest, nextDigest] = [newDigest(), newDigest(), newDigest()];
    await store.rotate({
      id,
      digest: replaced,
      renewalDigest,
      renewalMs: 60_000,
      graceMs: 60_000,
      subject: undefined,
      fence: undefined,
      known: 1,
    });
    expect(await store.resume(aResume(id, { digest: renewalDigest, nextDigest }))).toMatchObject({
      by: "renewal",
    });
    expect(await store.resume(aResume(id, { digest: renewalDigest, nextDigest: newDigest() }))).toEqual({
      type: "wrong",
    });
    expect(await store.resume(aResume(id, { digest: replaced }))).toEqual({ type: "wrong" });
    // The token before the rotation stays valid for its grace period, even if another client renewed meanwhile.
    expect(await store.resume(aResume(id, { digest: creation.digest }))).toMatchObject({ by: "previous" });
    expect(await store.resume(aResume(id, { digest: nextDigest }))).toMatchObject({ by: "current" });
    // The same call again, as after a lost answer (I10).
    expect(await store.resume(aResume(id, { digest: renewalDigest, nextDigest }))).toMatchObject({
      by: "renewal",
    });
  });

  test("an exclusive resume raises the fence, and a write with a lower fence is refused (I13)", async () => {
    const [a, b] = [startProcess(connect), startProcess(connect)];
    const { id } = aCreation();
    await a.store.create(aCreation({ id, hold: true, exclusive: true }));
    a.host.adopt(id, (await a.store.load(id)) ?? expect.fail("not there"));
    expect(a.host.held(id)?.fence).toBe(1);
    const { fence } = await hold(b.store, b.host, id, { exclusive: true });
    expect(fence).toBeGreaterThan(1);
    expect(await a.store.write(aWrite(id, { late: true }, { fence: 1 }))).toEqual({ type: "fenced" });
    const rotation = {
      id,
      digest: newDigest(),
      renewalDigest: newDigest(),
      renewalMs: 1,
      graceMs: 0,
      subject: undefined,
      known: 1,
    };
    expect(await a.store.rotate({ ...rotation, fence: 1 })).toEqual({ type: "fenced" });
    expect((await b.store.write(aWrite(id, { n: 1 }, { fence }))).type).toBe("written");
    expect((await a.store.write(aWrite(id, { n: 2 }, { known: 2 }))).type).toBe("written");
    await until(() =>
      a.host.eventsOf(id).some((event) => event.type === "replaced" && event.fence === fence),
    );
  });
});
