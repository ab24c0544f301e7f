import { AdapterTrial, Journal, until } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  cookieOf,
  failure,
  runtimes,
  SECRET,
  testCookie,
  useRedis,
  useTrial,
  withCookie,
} from "./support.ts";
import type { Profile } from "./support.ts";

const redis = useRedis();

function migrated(data: unknown): { name: string } {
  if (typeof data === "object" && data !== null) {
    if ("user" in data && typeof data.user === "string") return { name: data.user };
    if ("name" in data && typeof data.name === "string") return { name: data.name };
  }
  throw new TypeError(`unknown data: ${SECRET}`);
}

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test("a client that comes back to data of an older version of the application finds the data migrated", async () => {
    const prefix = `migrated-${harness.runtime}`;
    const before = createSessions({
      store: redis.store(prefix),
      token: testCookie(),
      initial: () => ({ user: "ada" }),
    });
    const old = await trialOf().serve(before, {});
    const cookie = cookieOf(await trialOf().connect(old));
    const sessions = createSessions<Profile>({
      store: redis.store(prefix),
      token: testCookie(),
      schemaVersion: 1,
      migrate: (data, fromVersion) => ({ ...migrated(data), age: fromVersion }),
      initial: () => ({ name: "new", age: 1 }),
    });
    const server = await trialOf().serve(sessions, {
      message: async (conn) => {
        await conn.session.patch({ age: 5 });
        conn.send(JSON.stringify(conn.session.data));
      },
      open: (conn) => void conn.send(JSON.stringify(conn.session.data)),
    });
    const client = await trialOf().connect(server, "/", withCookie(cookie));
    expect(await client.next()).toBe('{"name":"ada","age":0}');
    client.send("x");
    expect(await client.next()).toBe('{"name":"ada","age":5}');
  });
});

describe("migrate", () => {
  const today: Omit<SessionsOptions<Profile>, "initial"> = {
    schemaVersion: 2,
    schema: z.strictObject({ name: z.string(), age: z.number() }),
    migrate: (data, fromVersion) => ({ ...migrated(data), age: fromVersion }),
  };

  async function older(prefix: string, data: object = { user: "ada" }) {
    const before = createSessions<object>({ store: redis.store(prefix), schemaVersion: 1 });
    return { before, ...(await before.create(data)) };
  }

  test.each(["patch", "set", "update", "no write"])(
    "after %s the whole record is of one version, and no part is of the older one",
    async (write) => {
      const prefix = `whole-${write.replace(" ", "-")}`;
      const { before, session: old } = await older(prefix);
      const sessions = createSessions<Profile>({ ...today, store: redis.store(prefix) });
      const session = (await sessions.get(old.id)) ?? expect.fail();
      expect(session.data).toEqual({ name: "ada", age: 1 });
      if (write === "patch") await session.patch({ age: 9 });
      if (write === "set") await session.set({ name: "ada", age: 9 });
      if (write === "update") await session.update((data) => ({ ...data, age: 9 }));
      const later = createSessions<Profile>({ ...today, store: redis.store(prefix) });
      const expected = { name: "ada", age: write === "no write" ? 1 : 9 };
      expect((await later.get(old.id))?.data).toEqual(expected);
      if (write === "no write") expect(await old.refresh()).toEqual({ user: "ada" });
      await Promise.all([before, sessions, later].map((one) => one.close()));
    },
  );

  test("I8 a change that others made meanwhile to the older data is not lost by the write that migrates it", async () => {
    const { before, session: old } = await older("meanwhile");
    const sessions = createSessions<Profile>({ ...today, store: redis.store("meanwhile") });
    const session = (await sessions.get(old.id)) ?? expect.fail();
    await old.set({ user: "grace" });
    await session.patch({ age: 9 });
    expect(await session.refresh()).toEqual({ name: "grace", age: 9 });
    await Promise.all([before, sessions].map((one) => one.close()));
  });

  test("a failed migration gives a typed error without data in it, and the stored value stays unchanged", async () => {
    const { before, session: old } = await older("failing", { other: 1 });
    const sessions = createSessions<Profile>({ ...today, store: redis.store("failing") });
    const error = await failure(sessions.get(old.id));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.message).not.toContain(SECRET);
    expect(await old.refresh()).toEqual({ other: 1 });
    await Promise.all([before, sessions].map((one) => one.close()));
  });

  test.each([
    ["migrate", { migrate: () => Promise.reject(new Error("async")) }, "INVALID_ARGUMENT"],
    [
      "a schema",
      {
        schema: {
          "~standard": {
            version: 1 as const,
            vendor: "x",
            validate: () => Promise.reject(new Error("async")),
          },
        },
      },
      "INVALID_ARGUMENT",
    ],
    [
      "a schema that throws",
      {
        schema: { "~standard": { version: 1 as const, vendor: "x", validate: () => JSON.parse("no JSON") } },
      },
      "INVALID_DATA",
    ],
  ])(
    "%s that is not synchronous is a typed error, and its rejection has no other effect",
    async (_, options, code) => {
      const { before, session: old } = await older(`async-${code}-${_.length}`);
      const sessions = createSessions<Profile>({
        schemaVersion: 2,
        ...options,
        store: redis.store(`async-${code}-${_.length}`),
      });
      expect((await failure(sessions.get(old.id))).code).toBe(code);
      await Promise.all([before, sessions].map((one) => one.close()));
    },
  );

  test("an update that is not synchronous is refused, and its rejection has no other effect (I12)", async () => {
    const sessions = createSessions<Profile>({ store: redis.store() });
    const { session } = await sessions.create({ name: "ada", age: 1 });
    const change = () => untypedPromise();
    expect((await failure(session.update(change))).code).toBe("INVALID_ARGUMENT");
    expect(session.version).toBe(1);
    await sessions.close();
  });

  test("processes of two versions share a session during a roll-out: each process gets the data in its own form", async () => {
    const prefix = "rolling";
    const oldForm = createSessions<{ user: string }>({
      store: redis.store(prefix),
      schemaVersion: 1,
      schema: z.strictObject({ user: z.string() }),
      migrate: (data) => ({ user: migrated(data).name }),
      token: testCookie(),
      initial: () => ({ user: "ada" }),
    });
    const newForm = createSessions<Profile>({
      ...today,
      store: redis.store(prefix),
      token: testCookie(),
      initial: () => ({ name: "new", age: 2 }),
    });
    const [harness = expect.fail()] = runtimes;
    const trial = new AdapterTrial(harness);
    try {
      const observed = new Journal<string>();
      const [oldServer, newServer] = [
        await trial.serve(oldForm, { change: (_, data) => observed.note(JSON.stringify(data)) }),
        await trial.serve(newForm, {}),
      ];
      const cookie = cookieOf(await trial.connect(oldServer));
      await trial.connect(newServer, "/", withCookie(cookie));
      const id = String(cookie).split(".")[0] ?? "";
      const [old, current] = [
        (await oldForm.get(id)) ?? expect.fail(),
        (await newForm.get(id)) ?? expect.fail(),
      ];
      await current.patch({ name: "grace" });
      await observed.until((entry) => entry === '{"user":"grace"}');
      await current.patch({ name: "hedy" });
      await observed.until((entry) => entry === '{"user":"hedy"}');
      await old.patch({ user: "joan" });
      await until(() => current.data.name === "joan");
      expect(await old.refresh()).toEqual({ user: "joan" });
      expect(await current.refresh()).toEqual({ name: "joan", age: 1 });
    } finally {
      await trial.dispose();
    }
  });
});

/** A promise that the compiler takes for data, as in an application without types. */
function untypedPromise(): Profile {
  const promise: unknown = Promise.reject(new Error("async"));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what an async callback looks like from inside
  return promise as Profile;
}
