import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished } from "vitest";
import { until } from "../../../packages/store-redis/test/redis-server.ts";
import type { Client, EventFile, PresenceProcess } from "./application-process.ts";

const AT_ONCE = 100;
/** Fewer, so that on a busy machine the first ones do not wait for the handshakes of many others, and come back in time. */
const BACK_AT_ONCE = 20;

/** On a busy machine a handshake may be answered too late, so the client tries again. */
async function connectSoon(to: PresenceProcess, user: string, token?: string): Promise<Client> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      return await to.connect(user, token);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** Connects `count` users, whose names begin with `name`. */
export async function connectAll(to: PresenceProcess, count: number, name: string): Promise<Client[]> {
  const clients: Client[] = [];
  onTestFinished(() => {
    for (const { socket } of clients) socket.terminate();
  });
  for (let first = 0; first < count; first += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - first);
    const batch = Array.from({ length: size }, (_, n) => connectSoon(to, `${name}${first + n}`));
    clients.push(...(await Promise.all(batch)));
  }
  return clients;
}

export const usersOf = (clients: readonly Client[]): string[] => clients.map(({ user }) => user).toSorted();

/** The subjects that have left, each as often as one of its sessions has left. */
export const leavers = (file: EventFile): string[] =>
  [...file.begun("left").values()].map(({ event }) => String(event.subject)).toSorted();

/**
 * Kills the process that holds `count` sessions. Half of the clients come back elsewhere at once. Each of the others has to leave, once.
 * On a busy machine a client may come back later than `leaveAfterMs`: its session may leave, once.
 */
export async function leavingTrial(of: {
  readonly holder: PresenceProcess;
  readonly other: PresenceProcess;
  readonly file: EventFile;
  readonly count: number;
  readonly leaveAfterMs: number;
}): Promise<{ readonly back: number; readonly late: number; readonly lastAfterMs: number }> {
  const { holder, other, file, count, leaveAfterMs } = of;
  const clients = await connectAll(holder, count, "u");
  const gone = clients.slice(count / 2);
  const late = new Set<string>();
  const killedAt = performance.now();
  const killedDate = Date.now();
  await holder.kill();
  const comeBack = async ({ user, token }: Client): Promise<void> => {
    await connectSoon(other, user, token);
    if (performance.now() - killedAt > leaveAfterMs) late.add(user);
  };
  for (let first = 0; first < count / 2; first += BACK_AT_ONCE)
    await Promise.all(clients.slice(first, Math.min(count / 2, first + BACK_AT_ONCE)).map(comeBack));
  const mustHaveLeft = (): string[] => leavers(file).filter((user) => !late.has(user));
  await until(() => mustHaveLeft().length >= gone.length, 60_000);
  const lastAfterMs = file.lastAt("left") - killedDate;
  await delay(leaveAfterMs);
  expect(mustHaveLeft()).toEqual(usersOf(gone));
  expect(new Set(leavers(file)).size).toBe(leavers(file).length);
  expect([...file.begun("left").values()].every(({ times }) => times === 1)).toBe(true);
  return { back: count / 2 - late.size, late: late.size, lastAfterMs };
}
