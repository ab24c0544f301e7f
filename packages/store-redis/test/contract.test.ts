import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { isSessionError } from "@wsession/core";
import { aCreation, aResume, aWrite, newDigest, newId } from "./fake-host.ts";
import { clusterOf, startProcess } from "./processes.ts";
import { cli, until } from "./redis-server.ts";
import { useStandaloneAndCluster } from "./shared-servers.ts";

const servers = useStandaloneAndCluster();

describe.each([
  { kind: "standalone", connect: () => new Redis(servers.standalone?.port ?? 0) },
  { kind: "cluster", connect: () => clusterOf(servers.cluster?.nodes.slice(0, 2) ?? [])() },
])("on $kind", ({ connect }) => {
  test("a session that was created is loaded with its data, and create never overwrites", async () => {
    const { store } = startProcess(connect);
    const creation = aCreation({ data: { cart: [], name: "Zoë", nothing: null }, schemaVersion: 3 });
    const created = await store.create(creation);
    expect(created).toMatchObject({
      type: "created",
      session: { version: 1, fence: 0, schemaVersion: 3, data: creation.data },
    });
    expect(await store.create({ ...creation, digest: newDigest(), data: { other: true } })).toEqual({
      type: "exists",
    });
    expect((await store.load(creation.id))?.data).toEqual({ cart: [], name: "Zoë", nothing: null });
    expect(await store.load(newId())).toBeUndefined();
  });

  test("create is applied at most once, and a repeat returns the same result (I10)", async () => {
    const { store } = startProcess(connect);
    for (const digest of [newDigest(), undefined]) {
      const creation = aCreation({ digest });
      expect((await store.create(creation)).type).toBe("created");
      // Without a token only the sequence identifies a creation, so a second call is another creation.
      expect((await store.create(creation)).type).toBe(digest === undefined ? "exists" : "created");
    }
  });

  test("a write changes the named fields only, and nothing that does not exist (I8, I9)", async () => {
    const { store } = startProcess(connect);
    const { id } = aCreation();
    expect(await store.write(aWrite(id, { a: 1 }))).toEqual({ type: "missing" });
    await store.create(aCreation({ id, data: { a: 1, b: 2, c: 3 } }));
    const change = { type: "fields", set: { b: "two" }, unset: ["c", "absent"] } as const;
    expect(await store.write({ ...aWrite(id, {}), change })).toEqual({
      type: "written",
      version: 2,
      session: undefined,
    });
    expect(await store.load(id)).toMatchObject({ version: 2, data: { a: 1, b: "two" } });
    expect((await store.load(id))?.data).not.toHaveProperty("c");
  });

  test("a write that expects another version changes nothing and returns the session (I8)", async () => {
    const { store } = startProcess(connect);
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    await store.write(aWrite(id, { n: 1 }, { expect: 1 }));
    const conflict = await store.write(aWrite(id, { n: 5 }, { expect: 1 }));
    expect(conflict).toMatchObject({ type: "conflict", session: { version: 2, data: { n: 1 } } });
  });

  test("a write returns the whole session unless the new version is the caller's version + 1 (I8)", async () => {
    const { store } = startProcess(connect);
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    await store.write(aWrite(id, { n: 1 }));
    expect(await store.write(aWrite(id, { m: 1 }, { known: 1 }))).toMatchObject({
      type: "written",
      version: 3,
      session: { version: 3, data: { n: 1, m: 1 } },
    });
  });

  test("a replacement removes the fields that it lacks; with a base only the difference is sent (I8)", async () => {
    const { store, client } = startProcess(connect);
    const { id } = aCreation();
    const first = { a: { deep: [1] }, b: 2, c: "x" };
    await store.create(aCreation({ id, data: first }));
    await store.write({ ...aWrite(id, {}), change: { type: "replace", data: { a: 1 }, base: undefined } });
    expect((await store.load(id))?.data).toEqual({ a: 1 });
    const base = { a: 1 };
    // A field that another process added meanwhile is not in the difference, so only the check of the version protects it.
    await client.hset(`ws:s:{${id}}`, "d:unseen", "1");
    const replace = { type: "replace", data: { a: 1, b: [2] }, base } as const;
    await store.write({ ...aWrite(id, {}), change: replace, expect: 2, known: 2 });
    expect((await store.load(id))?.data).toEqual({ a: 1, b: [2], unseen: 1 });
  });

  test("a destroyed session does not come back: writes, touches, resumes and creations of it fail (I9)", async () => {
    const { store } = startProcess(connect);
    const creation = aCreation();
    await store.create(creation);
    expect((await store.destroy(creation.id, "bye", false)).destroyed).toEqual([creation.id]);
    expect((await store.destroy(creation.id, "bye", false)).destroyed).toEqual([]);
    expect(await store.write(aWrite(creation.id, { a: 1 }))).toEqual({ type: "missing" });
    expect(await store.touch(creation.id, 1_000)).toBe(false);
    expect(await store.resume(aResume(creation.id))).toEqual({ type: "missing" });
    expect(await store.load(creation.id)).toBeUndefined();
    expect(await store.create(creation)).toEqual({ type: "exists" });
    expect(await store.create({ ...creation, digest: newDigest() })).toEqual({ type: "exists" });
  });

  test("a session past either deadline is gone, by the server's clock (I9)", async () => {
    const { store } = startProcess(connect);
    const idle = aCreation({ idleMs: 80 });
    const absolute = aCreation({ absoluteMs: 80, idleMs: Number.POSITIVE_INFINITY });
    const kept = aCreation({ idleMs: Number.POSITIVE_INFINITY, absoluteMs: Number.POSITIVE_INFINITY });
    for (const creation of [idle, absolute, kept]) await store.create(creation);
    await until(
      async () => (await store.load(idle.id)) === undefined && (await store.load(absolute.id)) === undefined,
    );
    for (const { id } of [idle, absolute]) {
      expect(await store.write(aWrite(id, { a: 1 }))).toEqual({ type: "missing" });
      expect(await store.touch(id, 60_000)).toBe(false);
      expect(await store.resume(aResume(id))).toEqual({ type: "missing" });
      expect(await store.load(id)).toBeUndefined();
    }
    expect(await store.load(kept.id)).toMatchObject({
      idleInMs: Number.POSITIVE_INFINITY,
      absoluteInMs: Number.POSITIVE_INFINITY,
    });
  });

  test("a session past its deadline is absent even if its key still exists (I9)", async () => {
    const { store, client } = startProcess(connect);
    let id = "";
    // On a busy machine a key can expire before PERSIST reaches it. Such a session is skipped.
    await until(async () => {
      ({ id } = aCreation());
      await store.create(aCreation({ id, idleMs: 50 }));
      return (await client.persist(`ws:s:{${id}}`)) === 1;
    });
    await until(async () => (await store.load(id)) === undefined);
    expect(await client.exists(`ws:s:{${id}}`)).toBe(1);
    expect(await store.write(aWrite(id, { a: 1 }))).toEqual({ type: "missing" });
    expect(await store.touch(id, 60_000)).toBe(false);
    expect(await store.resume(aResume(id))).toEqual({ type: "missing" });
    expect(await store.presence(id)).toEqual({ nodes: [], missing: [] });
    expect((await store.destroy(id, undefined, false)).destroyed).toEqual([]);
  });

  test("touch moves the idle deadline, and the absolute deadline if it is given", async () => {
    const { store } = startProcess(connect);
    const { id } = aCreation();
    await store.create(aCreation({ id, idleMs: 10_000, absoluteMs: 100_000 }));
    expect(await store.touch(id, 50_000)).toBe(true);
    const moved = await store.load(id);
    expect(moved?.idleInMs).toBeGreaterThan(49_000);
    expect(moved?.absoluteInMs).toBeLessThanOrEqual(100_000);
    expect(await store.touch(id, 50_000, 500_000)).toBe(true);
    expect((await store.load(id))?.absoluteInMs).toBeGreaterThan(499_000);
  });

  test("ids lists the live sessions, and neither tombstones nor keys with another prefix", async () => {
    const prefix = `p${newId()}`;
    const { store, client } = startProcess(connect, { prefix });
    const creations = Array.from({ length: 30 }, () => aCreation());
    for (const creation of creations) await store.create(creation);
    await store.destroy(creations[0]?.id ?? "", undefined, false);
    await client.set(`${prefix}:s:{../x}`, "no session");
    const found: string[] = [];
    for await (const id of store.ids()) found.push(id);
    expect(found.toSorted()).toEqual(
      creations
        .slice(1)
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  test("a malformed id reaches no key, and counts as absent", async () => {
    const { store } = startProcess(connect);
    for (const id of ["", "a b", "}x{", "../../etc", "é", "x".repeat(65)]) {
      expect(await store.load(id)).toBeUndefined();
      expect(await store.resume(aResume(id))).toEqual({ type: "missing" });
      expect(await store.write(aWrite(id, { a: 1 }))).toEqual({ type: "missing" });
      expect(await store.touch(id, 1)).toBe(false);
      expect((await store.destroy(id, undefined, true)).destroyed).toEqual([]);
      await expect(store.create(aCreation({ id }))).rejects.toSatisfy((error) =>
        isSessionError(error, "INVALID_ARGUMENT"),
      );
    }
  });

  test("an unreadable record is reported and left unchanged, and can be destroyed", async () => {
    const { store, client } = startProcess(connect);
    const [meta, field, type] = [aCreation(), aCreation(), aCreation()];
    for (const { id } of [meta, field]) await store.create(aCreation({ id, data: { a: 1 } }));
    await client.hset(`ws:s:{${meta.id}}`, "m", "broken");
    await client.hset(`ws:s:{${field.id}}`, "d:a", "{");
    await client.set(`ws:s:{${type.id}}`, "a string");
    for (const { id } of [meta, field, type]) {
      const kept = await client.dump(`ws:s:{${id}}`);
      await expect(store.load(id)).rejects.toSatisfy((error) => isSessionError(error, "CORRUPT_RECORD"));
      await expect(store.resume(aResume(id))).rejects.toSatisfy((error) =>
        isSessionError(error, "CORRUPT_RECORD"),
      );
      expect(await client.dump(`ws:s:{${id}}`)).toEqual(kept);
    }
    await expect(store.write(aWrite(meta.id, { b: 1 }))).rejects.toMatchObject({
      code: "CORRUPT_RECORD",
      outcome: "not-applied",
    });
    expect((await store.destroy(meta.id, undefined, false)).destroyed).toEqual([meta.id]);
    expect((await store.destroy(field.id, undefined, false)).destroyed).toEqual([field.id]);
  });

  test("the option onError may throw or reject: the call succeeds, and the process does not end (I12)", async () => {
    const failed: string[] = [];
    for (const onError of [
      () => {
        failed.push("thrown");
        throw new Error("onError failed");
      },
      (): unknown => {
        failed.push("rejected");
        return Promise.reject(new Error("onError failed"));
      },
    ]) {
      const prefix = `p${newId()}`;
      const { store, client } = startProcess(connect, { prefix, onError });
      const { id } = aCreation();
      await store.create(aCreation({ id, subject: "ada" }));
      await client.hset(`${prefix}:s:{${id}}`, "m", "broken");
      expect(await store.bySubject("ada")).toEqual([]);
    }
    // Node reports an unhandled rejection before the next turn of the event loop, and Vitest fails then.
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).toEqual(["thrown", "rejected"]);
  });

  test("a list reports an unreadable record, and contains all other sessions", async () => {
    const prefix = `p${newId()}`;
    const { store, client, host } = startProcess(connect, { prefix });
    const creations = [1, 2, 3].map(() => aCreation({ subject: "ann" }));
    const [meta = "", type = "", readable = ""] = creations.map(({ id }) => id);
    for (const creation of creations) await store.create(creation);
    await client.hset(`${prefix}:s:{${meta}}`, "m", "broken");
    await client.set(`${prefix}:s:{${type}}`, "a string");
    const found: string[] = [];
    for await (const id of store.ids()) found.push(id);
    expect(found).toEqual([readable]);
    expect(host.errors.splice(0)).toContainEqual(expect.objectContaining({ code: "CORRUPT_RECORD" }));
    expect(await store.bySubject("ann")).toEqual([readable]);
    expect(host.errors).toEqual([expect.objectContaining({ code: "CORRUPT_RECORD" })]);
  });

  test("scripts that the server lost are sent again", async () => {
    const { store } = startProcess(connect);
    const { id } = aCreation();
    await store.create(aCreation({ id, data: { n: 0 } }));
    const ports = servers.cluster?.nodes.map(({ port }) => port) ?? [];
    await Promise.all([servers.standalone?.port ?? 0, ...ports].map((port) => cli(port, "script", "flush")));
    const written = await Promise.all([
      store.write(aWrite(id, { n: 1 })),
      store.load(id),
      store.touch(id, 60_000),
    ]);
    expect(written[0]).toMatchObject({ type: "written", version: 2 });
  });
});
