import { once } from "node:events";
import { bindSessions } from "@wsession/adapter-ws";
import { accept, createSessions, mapStore } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { connect, listen } from "../client.ts";

/** The data of a session that the settings page shows. Never show the token. */
export interface DeviceData {
  readonly device: string;
}

type DeviceSessions = Pick<Sessions<DeviceData>, "bySubject" | "presenceOfSubject" | "get">;

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly isOnline: boolean;
  /** `undefined` if the beginning of the visit was not recorded: a device that never connected, or that connected before. */
  readonly since: Date | undefined;
  readonly lastSeen: Date;
}

/** The devices of a user, for a settings page. Connected devices come first. */
export async function devicesOf(sessions: DeviceSessions, user: string): Promise<Device[]> {
  const [handles, presence] = await Promise.all([sessions.bySubject(user), sessions.presenceOfSubject(user)]);
  const devices = presence.sessions.flatMap(({ id, connections, since, awaySince }) => {
    const handle = handles.find((one) => one.id === id);
    if (handle === undefined) return [];
    return [
      {
        id,
        name: handle.data.device,
        isOnline: connections > 0,
        since: since === 0 ? undefined : new Date(since),
        lastSeen: new Date(awaySince ?? Date.now()),
      },
    ];
  });
  return devices.toSorted((one, other) => Number(other.isOnline) - Number(one.isOnline));
}

/** Logs one device of the user out. The id comes from a page, so it may be the id of another user's session. */
export async function logOut(sessions: DeviceSessions, user: string, id: string): Promise<boolean> {
  const session = await sessions.get(id);
  return session?.subject === user && (await session.destroy("logged out on another device"));
}

const page = (devices: readonly Device[]): string =>
  devices.map(({ name, isOnline }) => `${name}: ${isOnline ? "here" : "away"}`).join(", ");

export async function main(): Promise<string[]> {
  const sessions = createSessions({
    store: mapStore(),
    leaveAfterMs: 10_000,
    admit: (handshake) => accept({ subject: handshake.headers["x-user"] }),
    initial: ({ headers }): DeviceData => ({ device: headers["user-agent"] ?? "unknown" }),
  });
  const { server, url } = await listen();
  bindSessions(server, sessions, {});
  const phone = await connect(url, { "x-user": "ada", "user-agent": "phone" });
  const laptop = await connect(url, { "x-user": "ada", "user-agent": "laptop" });
  const gone = once([...server.clients][1] ?? server, "close");
  await laptop.close();
  await gone;
  const lines = [page(await devicesOf(sessions, "ada"))];
  const [first] = await devicesOf(sessions, "ada");
  lines.push(`bob may log it out: ${await logOut(sessions, "bob", first?.id ?? "")}`);
  lines.push(`ada may: ${await logOut(sessions, "ada", first?.id ?? "")}, phone: ${await phone.closed}`);
  lines.push(page(await devicesOf(sessions, "ada")));
  await sessions.close();
  server.close();
  return lines;
}
