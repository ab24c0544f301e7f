// Changes of presence whose replies are lost, so that the client of Redis sends the calls again.
import type { SessionEventType } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { scriptDigest } from "../src/scripts/text.ts";
import type { ScriptName } from "../src/scripts/generated.ts";
import { aCreation, aResume, aRotation, newId } from "./fake-host.ts";
import { settled, useLoadedScripts } from "./lost-replies.ts";
import { type Process, connected, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { type TcpProxy, startProxy } from "./tcp-proxy.ts";

const { server } = useLoadedScripts();
const HOUR_MS = 3_600_000;

interface Trial {
  readonly proxy: TcpProxy;
  /** Reaches Redis through the proxy. */
  readonly process: Process;
  readonly watcher: Process;
  /** What `watcher` reported. No sweep of `watcher` runs any more. */
  readonly reported: readonly string[];
  /** Field p, or another one, of a session. */
  readonly field: (id: string, name?: string) => Promise<string | null>;
  /** Loses the reply of the next call of the script, once `isDone` is true. The call is sent again. */
  readonly lose: (script: ScriptName, isDone: () => Promise<boolean>) => Promise<void>;
}

interface Options {
  readonly leaveAfterMs?: number;
  readonly events?: readonly SessionEventType[];
  readonly timeoutMs?: number;
  /** Whether `process` records presence. */
  readonly isTracked?: boolean;
}

function track({ store }: Process, { leaveAfterMs = HOUR_MS, events = [] }: Options): void {
  store.track({ leaveAfterMs, isAlways: true, events: new Set(events), deliver: async () => undefined });
}

async function trial(subjects: readonly string[], options: Options = {}): Promise<Trial> {
  const prefix = `t${newId()}`;
  const proxy = await startProxy(server);
  onTestFinished(() => proxy.close());
  const { timeoutMs = 20_000 } = options;
  const settings = { prefix, sweepMs: 600_000 };
  const [process, watcher] = [
    startProcess(proxy, { ...settings, timeoutMs }),
    startProcess(server, settings),
  ];
  if (options.isTracked !== false) track(process, options);
  track(watcher, {});
  await connected(process);
  await settled(process);
  const marker = aCreation({ subject: "marker" });
  await watcher.store.create(marker);
  const reported: string[] = [];
  await watcher.store.watch([...subjects, "marker"], ({ subject, type }) =>
    reported.push(`${subject} ${type}`),
  );
  // The first watch of a process is followed by a sweep, which would hide a lost change. Only the sweep finds this change.
  const [away, leave] = [Date.now(), Date.now() + HOUR_MS].map((time) => time.toString(36));
  await watcher.client.hset(`${prefix}:s:{${marker.id}}`, "p", `0 ${away} ${leave} ${leave}`);
  await until(() => reported.includes("marker away"));
  reported.length = 0;
  return {
    ...{ proxy, process, watcher, reported },
    field: (id, name = "p") => watcher.client.hget(`${prefix}:s:{${id}}`, name),
    lose: async (script, isDone) => {
      await new Promise<void>((resolve) => proxy.holdFrom(scriptDigest(script), resolve));
      await until(isDone);
      proxy.cut();
      proxy.replies("pass");
    },
  };
}

test("a change is reported though its call is repeated", async () => {
  const made = await trial(["ada", "bob", "eve"]);
  const { store } = made.process;
  const { id } = aCreation();
  /** Makes a change, and loses the reply once field `name` has changed. Returns what was reported. */
  const repeated = async (
    script: ScriptName,
    name: string,
    change: () => Promise<unknown>,
    count: number,
  ): Promise<readonly string[]> => {
    const [before, first] = [await made.field(id, name), made.reported.length];
    const lost = made.lose(script, async () => (await made.field(id, name)) !== before);
    await change();
    await lost;
    await until(() => made.reported.length >= first + count);
    return made.reported.slice(first);
  };
  expect(await repeated("create", "p", () => store.create(aCreation({ id, hold: true, subject: "ada" })), 1)) //
    .toEqual(["ada online"]);
  expect(await repeated("set-holder", "p", () => store.release(id), 1)).toEqual(["ada away"]);
  expect(await repeated("resume", "p", () => store.resume(aResume(id, { hold: true })), 1)) //
    .toEqual(["ada online"]);
  const former = await repeated("rotate", "s", () => store.rotate(aRotation(id, "bob")), 2);
  expect(former.toSorted()).toEqual(["ada offline", "bob online"]);
  expect(await repeated("set-holder", "p", () => store.release(id, "left"), 1)).toEqual(["bob offline"]);
  const anonymous = aCreation({ hold: true });
  await store.create(anonymous);
  const lost = made.lose("rotate", async () => (await made.field(anonymous.id, "s")) === "eve");
  await store.rotate(aRotation(anonymous.id, "eve"));
  await lost;
  await until(() => made.reported.at(-1) === "eve online");
});

test("a release that is applied, and whose call fails, is reported", async () => {
  const { proxy, process, reported, field } = await trial(["ada"], { timeoutMs: 1_500 });
  const { id } = aCreation();
  await process.store.create(aCreation({ id, subject: "ada", hold: true }));
  const before = await field(id);
  proxy.holdFrom(scriptDigest("set-holder"));
  await expect(process.store.release(id)).rejects.toMatchObject({ outcome: "unknown" });
  expect(await field(id)).not.toBe(before);
  proxy.replies("pass");
  await until(() => reported.length === 2);
  expect(reported).toEqual(["ada online", "ada away"]);
});

test("a session that leaves by a repeated look is reported", async () => {
  const { process, reported, lose, field } = await trial(["ada"], { leaveAfterMs: 400, events: ["left"] });
  const { id } = aCreation();
  await process.store.create(aCreation({ id, subject: "ada", hold: true }));
  await process.store.release(id);
  await lose("look", async () => (await field(id, "y")) !== null);
  await until(() => reported.length === 3);
  expect(reported).toEqual(["ada online", "ada away", "ada offline"]);
});

test("a session that expires by a repeated look is reported", async () => {
  const { process, reported, lose, field } = await trial(["ada"], { events: ["expired"] });
  const { id } = aCreation();
  await process.store.create(aCreation({ id, subject: "ada", idleMs: 1_000, hold: true }));
  await process.store.release(id);
  await lose("look", async () => (await field(id, "y")) !== null);
  await until(() => reported.length === 3);
  expect(reported).toEqual(["ada online", "ada away", "ada offline"]);
});

test("a repeated destruction by a process that records nothing is reported", async () => {
  const { process, watcher, reported, lose, field } = await trial(["ada"], { isTracked: false });
  const { id } = aCreation();
  await watcher.store.create(aCreation({ id, subject: "ada", hold: true }));
  await until(() => reported.length === 1);
  const lost = lose("destroy", async () => (await field(id, "t")) !== null);
  await process.store.destroy(id, undefined, false);
  await lost;
  await until(() => reported.length === 2);
  expect(reported).toEqual(["ada online", "ada offline"]);
});
