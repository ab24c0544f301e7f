import { createSessions } from "@wsession/core";
import type { StandardSchemaV1 } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory, sharedStore } from "./memory-runtime.ts";

interface Data {
  readonly n: number;
}

/** Takes data with a number `n`. */
const schema: StandardSchemaV1<unknown, Data> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "object" && value !== null && "n" in value && typeof value.n === "number"
        ? { value: { n: value.n } }
        : { issues: [{ message: "not a Data" }] },
  },
};

test("a session that can't be read does not prevent the listing of others, and is reported to onError", async () => {
  const store = sharedStore();
  const reported: unknown[] = [];
  const sessions = createSessions<Data>({
    store,
    schema,
    onError: (error, { sessionId }) => void reported.push([error, sessionId]),
  });
  const ada = { digest: undefined, subject: "ada", schemaVersion: 0, idleMs: Infinity, absoluteMs: Infinity };
  for (const [id, data] of Object.entries({ first: { n: 1 }, second: { n: "one" }, third: { n: 3 } }))
    await store.behindTheBack.create({ id, data, ...ada, hold: false, exclusive: false });
  const listed: string[] = [];
  for await (const { id } of sessions.entries()) listed.push(id);
  expect(listed).toEqual(["first", "third"]);
  expect((await sessions.bySubject("ada")).map(({ id }) => id)).toEqual(["first", "third"]);
  const unreadable = [expect.objectContaining({ code: "INVALID_DATA" }), "second"];
  expect(reported).toEqual([unreadable, unreadable]);
  await expect(sessions.get("second")).rejects.toMatchObject({ code: "INVALID_DATA" });
});

test("the methods of a token carrier that is a class instance are called with the instance as `this`", async () => {
  class Carrier {
    readonly #prefix = "mine.";
    read = () => undefined;
    isTokenProtocol(name: string): boolean {
      return name.startsWith(this.#prefix);
    }
  }
  const offered: (readonly string[])[] = [];
  const sessions = createSessions({
    store: sharedStore(),
    token: new Carrier(),
    initial: ({ protocols }) => (offered.push(protocols), { n: 0 }),
  });
  await serveInMemory(sessions).connect({ protocols: ["chat", "mine.token"] });
  expect(offered).toEqual([["chat"]]);
});
