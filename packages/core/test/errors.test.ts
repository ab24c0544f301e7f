import { warningsDuring } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { SessionsOptions, Stage } from "@wsession/core";
import { expect, test } from "vitest";
import { serveInMemory } from "./memory-runtime.ts";

const TYPE = "WsessionWarning";

/** What a message handler throws, `times` times: as warnings, or to `onError`. */
async function warningsOf(error: unknown, times = 1, onError?: SessionsOptions<object>["onError"]) {
  const sessions = createSessions({ initial: () => ({ n: 0 }), onError });
  const memory = serveInMemory(sessions, {
    message: () => {
      throw error;
    },
  });
  return warningsDuring(TYPE, async () => {
    for (let count = 0; count < times; count += 1) {
      const { socket, receive } = await memory.connect();
      receive("hello");
      expect(socket.closedWith?.code).toBe(1011);
    }
  });
}

async function thrown(...what: Parameters<typeof warningsOf>): Promise<string[]> {
  return (await warningsOf(...what)).map(({ message }) => message);
}

test("without onError an error of a handler becomes a warning of the process (I12)", async () => {
  expect(await thrown(new Error("a typo"))).toEqual(["message: a typo; give createSessions an onError"]);
});

test("the warning says where the error was thrown", async () => {
  const [warning] = await warningsOf(new Error("a typo"));
  expect(warning).toHaveProperty("detail", expect.stringMatching(/^ +at .*errors\.test\.ts/m));
});

test("with onError an error of a handler causes no warning", async () => {
  const reported: Stage[] = [];
  expect(await thrown(new Error("a typo"), 1, (_, { stage }) => void reported.push(stage))).toEqual([]);
  expect(reported).toEqual(["message"]);
});

test.each([
  ["nothing", undefined, "undefined"],
  ["a string", "out of paper", "out of paper"],
  ["an object without a text", Object.create(null), "something that can't be described was thrown"],
  [
    "an error whose message can't be read",
    Object.defineProperty(new Error("x"), "message", { get: () => expect.unreachable() }),
    "something that can't be described was thrown",
  ],
])("a handler that throws %s causes a warning too", async (_, error, text) => {
  expect(await thrown(error)).toEqual([`message: ${text}; give createSessions an onError`]);
});

test("fault F1: a warning is one line of bounded length, whatever text of a client the error quotes", async () => {
  const [warned = ""] = await thrown(new Error(`bad\n2026 forged line\u001b[31m${"x".repeat(10_000)}`));
  expect(warned).toMatch(/^message: bad 2026 forged line \[31mx/);
  expect(warned.length).toBeLessThan(600);
});

test("fault F1: a warning has the error's message and none of its other properties", async () => {
  const error = Object.assign(new Error("refused", { cause: new Error("the token is s3cret") }), {
    command: { args: ["s3cret"] },
  });
  const [warning] = await warningsOf(error);
  const printed = `${warning?.stack}\n${Reflect.get(warning ?? {}, "detail")}`;
  expect(printed).toContain("refused");
  expect(printed).not.toContain("s3cret");
});

test("fault F1: an error that any client can cause repeatedly is warned about at a bounded rate", async () => {
  const warned = await thrown(new Error("a typo"), 1_000);
  expect(warned).toHaveLength(20);
});
