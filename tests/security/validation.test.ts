import { Journal } from "@wsession/conformance";
import { createSessions, isSessionError } from "@wsession/core";
import type { StandardSchemaV1 } from "@wsession/core";
import { type } from "arktype";
import * as valibot from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { failure, runtimes, SECRET, storeNames, storeOf, testCookie, useRedis, useTrial } from "./support.ts";
import type { Profile } from "./support.ts";

const redis = useRedis();

const schemas: ReadonlyArray<readonly [string, StandardSchemaV1<unknown, Profile>]> = [
  ["zod", z.object({ name: z.string(), age: z.number().min(0) })],
  [
    "valibot",
    valibot.object({ name: valibot.string(), age: valibot.pipe(valibot.number(), valibot.minValue(0)) }),
  ],
  ["arktype", type({ name: "string", age: "number >= 0" })],
];

/** What untyped code hands in. */
function untyped(value: unknown): Profile {
  return JSON.parse(JSON.stringify(value));
}

describe.each(schemas)("a schema of %s", (_, schema) => {
  test.each(storeNames)(
    "with the %s store: set, patch, update and create reject with INVALID_DATA and change nothing",
    async (store) => {
      const sessions = createSessions<Profile>({ store: storeOf(store, redis), schema });
      const { session } = await sessions.create({ name: "ada", age: 36 });
      const bad = untyped({ name: "ada", age: SECRET });
      for (const write of [
        () => session.set(bad),
        () => session.patch({ age: -1 }),
        () => session.patch(untyped({ name: null })),
        () => session.update((data) => ({ ...data, age: -1 })),
        () => sessions.create(bad),
      ]) {
        const error = await failure(write());
        expect(error).toMatchObject({ code: "INVALID_DATA", outcome: "not-applied" });
        expect(error.message).not.toContain(SECRET);
        expect(error.message).toMatch(/age|name/);
      }
      expect(session.version).toBe(1);
      expect(await session.refresh()).toEqual({ name: "ada", age: 36 });
      await session.patch({ age: 37 });
      expect(await session.refresh()).toEqual({ name: "ada", age: 37 });
      await sessions.close();
    },
  );

  test("data that a process without the schema wrote is refused on load, and left unchanged", async () => {
    const before = createSessions<Record<string, unknown>>({ store: redis.store("loose") });
    const { session } = await before.create({ name: 7, age: SECRET });
    const sessions = createSessions<Profile>({ store: redis.store("loose"), schema });
    const error = await failure(sessions.get(session.id));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.message).not.toContain(SECRET);
    expect(await session.refresh()).toEqual({ name: 7, age: SECRET });
    expect(session.version).toBe(1);
    await Promise.all([sessions.close(), before.close()]);
  });
});

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test.each([
    ["refuse" as const, 503],
    ["fresh" as const, 101],
  ])(
    "a session that no longer satisfies the schema: onCorruptRecord %j answers %i, and the session is left unchanged",
    async (onCorruptRecord, status) => {
      const prefix = `corrupt-${harness.runtime}-${status}`;
      const before = createSessions<Record<string, unknown>>({
        store: redis.store(prefix),
        token: testCookie(),
      });
      const { session, token } = await before.create({ name: 7 });
      const [, schema] = schemas[0] ?? expect.fail();
      const errors = new Journal<string>();
      const sessions = createSessions<Profile>({
        store: redis.store(prefix),
        token: testCookie(),
        schema,
        onCorruptRecord,
        initial: () => ({ name: "new", age: 0 }),
        onError: (error) => errors.note(isSessionError(error) ? error.code : "untyped"),
      });
      const server = await trialOf().serve(sessions, {});
      const raw = trialOf().raw(server);
      raw.upgrade({ headers: [["cookie", `sid=${token}`]] });
      expect((await raw.response).status).toBe(status);
      expect(errors.entries).toEqual(["INVALID_DATA"]);
      expect(await session.refresh()).toEqual({ name: 7 });
      expect((await sessions.presence(session.id)).connections).toBe(0);
      await before.close();
    },
  );

  test("an initial that the schema refuses answers 500, and no session is created", async () => {
    const [, schema] = schemas[0] ?? expect.fail();
    const reports = new Journal<string>();
    const sessions = createSessions<Profile>({
      store: redis.store(),
      schema,
      initial: () => ({ name: "ada", age: -1 }),
      onError: (error, { stage }) =>
        reports.note(`${stage} ${isSessionError(error) ? error.code : "untyped"}`),
    });
    const server = await trialOf().serve(sessions, {});
    expect((await trialOf().refused(server)).status).toBe(500);
    expect(reports.entries).toEqual(["initial INVALID_DATA"]);
    expect(sessions.diagnostics.sessionsCreated).toBe(0);
  });
});

test.each(storeNames)(
  "with the %s store: data that a client nested very deeply is stored, or refused with a typed error",
  async (store) => {
    const sessions = createSessions<{ deep: unknown }>({ store: storeOf(store, redis) });
    const { session } = await sessions.create({ deep: null });
    const deep: unknown = JSON.parse(`${"[".repeat(20_000)}${"]".repeat(20_000)}`);
    const outcome = await session.patch({ deep }).then(
      () => "stored",
      (error: unknown) => (isSessionError(error) ? error.code : "untyped"),
    );
    expect(["stored", "NOT_SERIALISABLE", "TOO_LARGE"]).toContain(outcome);
    await session.patch({ deep: "shallow" });
    expect(await session.refresh()).toEqual({ deep: "shallow" });
    await sessions.close();
  },
);
