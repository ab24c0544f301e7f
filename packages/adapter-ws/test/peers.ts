/** Peers for the tests of both adapters. All of them are gone after their test. */
import { frame, RawClient, until } from "@wsession/conformance";
import type { Journal, UpgradeOptions } from "@wsession/conformance";
import { expect, onTestFinished } from "vitest";

export const MIB: number = 1024 * 1024;

export function raw(port: number): RawClient {
  const client = new RawClient(port);
  onTestFinished(() => client.destroy());
  return client;
}

export async function upgraded(port: number, path = "/"): Promise<RawClient> {
  const client = raw(port);
  client.upgrade({ path });
  await client.response;
  return client;
}

/** The status with which a handshake is answered. */
export async function statusOf(port: number, options: UpgradeOptions = {}): Promise<number> {
  const client = raw(port);
  client.upgrade(options);
  return (await client.response).status;
}

/**
 * A peer asks for an answer of more than 16 MiB, reads it slowly, and answers no ping (fault C1). The peer counts as alive while it
 * reads, and as dead after that. `closed` has the close codes.
 */
export async function expectAliveWhileReading(port: number, closed: Journal<number>): Promise<void> {
  const client = await upgraded(port);
  let read = 0;
  client.socket.on("data", ({ length }) => {
    read += length;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), length / 8_000);
  });
  client.write(frame("go"));
  await until(() => closed.entries.length > 0 || read > 16 * MIB);
  expect(closed.entries).toEqual([]);
  // The peer has its answer, and stays silent: it is detected as dead.
  await closed.until(1);
  expect(closed.entries).toEqual([1006]);
}
