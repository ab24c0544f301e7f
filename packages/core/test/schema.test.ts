import { createSessions, mapStore, queryToken } from "@wsession/core";
import type { StandardSchemaV1 } from "@wsession/core";
import { describe, expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";
import { type Data, coded } from "./open-session.ts";

describe("schema and migrate", () => {
  const schema: StandardSchemaV1<unknown, Data> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => {
        const isData =
          typeof value === "object" && value !== null && "n" in value && typeof value.n === "number";
        return isData
          ? { value: { ...value, n: Number(value.n) } }
          : { issues: [{ message: "n is a number", path: ["n"] }] };
      },
    },
  };

  test("a schema that refuses its own output leaves no session in the store", async () => {
    const text: StandardSchemaV1<unknown, Data> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof value === "object" && value !== null && "n" in value && typeof value.n === "string"
            ? { value: { n: Number(value.n) } }
            : { issues: [{ message: "no text" }] },
      },
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what such a schema takes
    const data = { n: "1" } as unknown as Data;
    const store = mapStore();
    const onError = (): void => undefined;
    const greeted = createSessions<Data>({
      store,
      schema: text,
      token: queryToken(),
      initial: () => data,
      onError,
    });
    await expect(serveInMemory(greeted).connect()).rejects.toThrow("refused with 500");
    await expect(greeted.create(data)).rejects.toEqual(coded("INVALID_DATA"));
    await expect.poll(() => store.size).toBe(0);
    const other = mapStore();
    const later = createSessions<Data>({ store: other, schema: text, token: queryToken(), onError });
    const { connection } = await serveInMemory(later).connect();
    await expect(connection.setSession(data)).rejects.toEqual(coded("INVALID_DATA"));
    await expect.poll(() => other.size).toBe(0);
  });

  test("data that the schema refuses is not written", async () => {
    const store = sharedStore();
    const sessions = createSessions<Data>({ store, schema });
    const { session } = await sessions.create({ n: 1 });
    // @ts-expect-error -- JavaScript code may do this
    await expect(session.patch({ n: "one" })).rejects.toEqual(coded("INVALID_DATA", "not-applied"));
    // @ts-expect-error -- likewise
    await expect(sessions.create({})).rejects.toEqual(coded("INVALID_DATA"));
    expect(session).toMatchObject({ version: 1, data: { n: 1 } });
  });

  test("data of an older schema version is migrated on load", async () => {
    const store = sharedStore();
    const sessions = createSessions<Data>({
      store,
      schema,
      schemaVersion: 2,
      migrate: (data, from) => ({ n: Number(Reflect.get(Object(data), "count")), from }),
    });
    const id = "A".repeat(22);
    await store.create({
      id,
      digest: undefined,
      data: { count: "7" },
      subject: undefined,
      schemaVersion: 1,
      idleMs: Infinity,
      absoluteMs: Infinity,
      hold: false,
      exclusive: false,
    });
    expect((await sessions.get(id))?.data).toEqual({ n: 7, from: 1 });
  });
});
