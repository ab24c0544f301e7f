import type { TakeOverSubjectResult } from "@wsession/core";
import type { Command } from "ioredis";
import { expect, test } from "vitest";
import { aCreation, newId } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();
const subject = "ada";
const HOUR = 3_600_000;

/** A session of the subject on each process. */
async function sessionsOn(processes: readonly Process[]): Promise<readonly string[]> {
  return Promise.all(
    processes.map(async ({ store }) => {
      const request = aCreation({ subject, exclusive: true });
      await store.create(request);
      return request.id;
    }),
  );
}

/** Whether each of these takeovers, one after another, has the subject: its fence is the highest, and the other session loses its own. */
async function eachTakesOver(processes: readonly Process[], ids: readonly string[]): Promise<boolean[]> {
  const outcomes: boolean[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    const { store } = processes[turn % 2] ?? expect.unreachable();
    const id = ids[turn % 2] ?? expect.unreachable();
    const other = ids[(turn + 1) % 2] ?? expect.unreachable();
    const before = await store.load(other);
    const result: TakeOverSubjectResult = (await store.takeOverSubject?.({ id, subject, raise: true })) ?? {
      type: "missing",
    };
    const [own, after] = [await store.load(id), await store.load(other)];
    const isNewest = result.type === "taken" && result.fence === own?.fence;
    outcomes.push(isNewest && (after?.fence ?? 0) > (before?.fence ?? 0));
  }
  return outcomes;
}

/** Breaks the store: a takeover takes its seat from the wall clock of its process, which is `aheadMs` ahead. */
function seatsByWallClock(process: Process, aheadMs: number): void {
  const { commands } = process;
  const send = commands.sendCommand.bind(commands);
  commands.sendCommand = (command: Command, ...rest: []) => {
    const isSeat = command.args.some((arg) => /:t:\{[^}]*\}$/.test(String(arg)));
    if (!isSeat) return send(command, ...rest);
    command.resolve(Date.now() + aheadMs);
    return command.promise;
  };
}

test("I13 of takeovers of a subject one after another each has the subject, whatever the clocks of the processes are", async () => {
  const prefix = newId();
  const processes = [startProcess(server, { prefix }), startProcess(server, { prefix })];
  expect(await eachTakesOver(processes, await sessionsOn(processes))).toEqual([true, true, true, true]);
});

test("I13 a takeover has the subject after the clock of the server was set back", async () => {
  const prefix = newId();
  const processes = [startProcess(server, { prefix }), startProcess(server, { prefix })];
  const ids = await sessionsOn(processes);
  const [{ client }] = [processes[0] ?? expect.unreachable()];
  expect(await eachTakesOver(processes, ids)).toEqual([true, true, true, true]);
  // The last takeover, of the time before, whose seat the sessions have too.
  const [seat = ""] = await client.keys(`${prefix}:t:*`);
  const later = String(Date.now() + HOUR);
  await client.set(seat, later, "PX", HOUR);
  for (const id of ids) {
    const key = `${prefix}:s:{${id}}`;
    const [, hash] = (await client.hget(key, "z"))?.split(" ") ?? [];
    expect(hash).toBeDefined();
    await client.hset(key, "z", `${later} ${hash}`);
  }
  expect(await eachTakesOver(processes, ids)).toEqual([true, true, true, true]);
});

test("the test catches a store whose seats go by the wall clocks of its processes", async () => {
  const prefix = newId();
  const processes = [startProcess(server, { prefix }), startProcess(server, { prefix })];
  const ids = await sessionsOn(processes);
  seatsByWallClock(processes[0] ?? expect.unreachable(), HOUR);
  seatsByWallClock(processes[1] ?? expect.unreachable(), 0);
  // The takeovers of the process whose clock is behind lose against earlier ones.
  expect(await eachTakesOver(processes, ids)).toEqual([true, false, true, false]);
});
