import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore } from "@wsession/core";
import { connect, listen } from "../client.ts";

const sessions = createSessions({
  store: mapStore(),
  leaveAfterMs: 10_000,
  admit: (handshake) => accept({ subject: handshake.headers["x-user"] }),
  // What the settings page shows of a device. Never show the token or the session's id of another user.
  initial: ({ headers }) => ({ device: headers["user-agent"] ?? "unknown" }),
});

interface Device {
  readonly id: string;
  readonly name: string;
  readonly isOnline: boolean;
  readonly since: Date;
  readonly lastSeen: Date;
}

/** The devices of a user, for a settings page: those that are there first. */
async function devicesOf(user: string): Promise<Device[]> {
  const [handles, presence] = await Promise.all([sessions.bySubject(user), sessions.presenceOfSubject(user)]);
  const devices = presence.sessions.flatMap(({ id, connections, since, awaySince }) => {
    const handle = handles.find((one) => one.id === id);
    if (handle === undefined) return [];
    const lastSeen = new Date(awaySince ?? Date.now());
    return [{ id, name: handle.data.device, isOnline: connections > 0, since: new Date(since), lastSeen }];
  });
  return devices.toSorted((one, other) => Number(other.isOnline) - Number(one.isOnline));
}

/** Logs one device of the user out. The id comes from a page, so it may be the id of another user's session. */
async function logOut(user: string, id: string): Promise<boolean> {
  const session = await sessions.get(id);
  return session?.subject === user && (await session.destroy("logged out on another device"));
}

const page = (devices: readonly Device[]): string =>
  devices.map(({ name, isOnline }) => `${name}: ${isOnline ? "here" : "away"}`).join(", ");

export async function main(): Promise<string[]> {
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const phone = await connect(url, { "x-user": "ada", "user-agent": "phone" });
  const laptop = await connect(url, { "x-user": "ada", "user-agent": "laptop" });
  const gone = once([...server.clients][1] ?? server, "close");
  await laptop.close();
  await gone;
  const lines = [page(await devicesOf("ada"))];
  const [first] = await devicesOf("ada");
  lines.push(`bob may log it out: ${await logOut("bob", first?.id ?? "")}`);
  lines.push(`ada may: ${await logOut("ada", first?.id ?? "")}, phone: ${await phone.closed}`);
  lines.push(page(await devicesOf("ada")));
  await sessions.close();
  server.close();
  return lines;
}
