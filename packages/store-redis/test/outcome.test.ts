import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { aCreation, aWrite } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { startProxy } from "./tcp-proxy.ts";
import { rejection, settled, useLoadedScripts } from "./lost-replies.ts";

const { server, settledBehindProxy } = useLoadedScripts();
/** The `timeoutMs` of a process whose calls have to fail. The calls before have to succeed within the same time. */
const FAILS_MS = 1_000;

test("outcome() finds an unknown outcome, and its answer stays true (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy(FAILS_MS);
  const [applied, delayed] = [aCreation({ data: { n: 0 } }), aCreation({ data: { n: 0 } })];
  for (const creation of [applied, delayed]) await process.store.create(creation);

  proxy.replies("drop");
  const lost = await rejection(process.store.write(aWrite(applied.id, { n: 1 })));
  expect(lost).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  proxy.replies("pass");
  proxy.cut();
  await until(async () => (await process.store.outcome(lost)) === "applied");
  expect(await process.store.outcome(new Error("wrapped", { cause: lost }))).toBe("applied");
  expect((await onlooker.store.load(applied.id))?.version).toBe(2);
  expect(await process.store.outcome(new Error("another's"))).toBe("unknown");
  const own = new Error("its own cause");
  own.cause = own;
  expect(await process.store.outcome(own)).toBe("unknown");
});

test("a write that outcome() settled as not applied is never applied (I10)", async () => {
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const process = startProcess(() => new Redis({ port: proxy.port, retryStrategy: () => 5 }), {
    timeoutMs: 20_000,
  });
  const { id } = aCreation();
  await settled(process);
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  proxy.delayRequests(60_000);
  const writing = rejection(process.store.write(aWrite(id, { n: 1 })));
  await until(() => proxy.pending > 0);
  proxy.delayRequests(0);
  // The caller stops waiting long before the write's deadline.
  process.client.disconnect();
  const error = await writing;
  expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" });
  await until(() => process.client.status === "end");
  await process.client.connect();
  expect(await process.store.outcome(error)).toBe("not-applied");
  expect(proxy.pending).toBeGreaterThan(0);
  proxy.deliver();
  expect(proxy.pending).toBe(0);
  await process.store.load(id);
  expect(await process.store.load(id)).toMatchObject({ version: 1, data: { n: 0 } });
});

test("the next write of a session settles the previous one, whose outcome is known afterwards (I10)", async () => {
  const { proxy, process, onlooker } = await settledBehindProxy(FAILS_MS);
  const { id } = aCreation();
  await process.store.create(aCreation({ id, data: { n: 0 } }));
  proxy.replies("drop");
  const lost = await rejection(process.store.write(aWrite(id, { n: 1 })));
  proxy.replies("pass");
  proxy.cut();
  await until(async () => {
    await process.store.write(aWrite(id, { m: 1 }));
    return true;
  });
  expect(await process.store.outcome(lost)).toBe("applied");
  expect(await onlooker.store.load(id)).toMatchObject({ version: 3, data: { n: 1, m: 1 } });
});

test("outcome() also answers for creations and destructions (I10)", async () => {
  const { proxy, process } = await settledBehindProxy(FAILS_MS);
  const { store } = process;
  const unknown = { code: "STORE_UNAVAILABLE", outcome: "unknown" };
  const outcomeOf = async (error: unknown): Promise<string> => {
    let outcome = "";
    // This may take longer than one call, because the connection is being replaced.
    await until(async () => {
      outcome = await store.outcome(error);
      return true;
    });
    return outcome;
  };
  /** The outcome of a call that was applied and whose reply was lost. */
  const ofUnanswered = async (call: () => PromiseLike<unknown>): Promise<string> => {
    await settled(process);
    proxy.replies("drop");
    const error = await rejection(call());
    proxy.replies("pass");
    proxy.cut();
    expect(error).toMatchObject(unknown);
    return outcomeOf(error);
  };
  /** The outcome of a call that reaches Redis after its deadline, and is refused there. */
  const ofLate = async (call: () => PromiseLike<unknown>): Promise<string> => {
    await settled(process);
    proxy.delayRequests(1.5 * FAILS_MS);
    const error = await rejection(call());
    proxy.delayRequests(0);
    expect(error).toMatchObject(unknown);
    await until(() => proxy.pending === 0);
    return outcomeOf(error);
  };
  const creation = aCreation();
  expect(await ofUnanswered(() => store.create(creation))).toBe("applied");
  expect(await ofLate(() => store.create(aCreation()))).toBe("not-applied");
  expect(await ofLate(() => store.destroy(creation.id, undefined, false))).toBe("not-applied");
  expect(await store.load(creation.id)).toBeDefined();
  expect(await ofUnanswered(() => store.destroy(creation.id, undefined, false))).toBe("applied");
});
