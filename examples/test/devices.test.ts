import { createSessions, mapStore } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import type { devicesOf as Of, DeviceData } from "../src/presence/devices.ts";

const { devicesOf }: { devicesOf: typeof Of } = await import("../dist/presence/devices.js");

test("a device whose visit has no recorded beginning has no time, and not one in 1970", async () => {
  const sessions = createSessions({ store: mapStore(), initial: (): DeviceData => ({ device: "none" }) });
  onTestFinished(() => sessions.close());
  const { session } = await sessions.create({ device: "tablet" });
  await session.identify("ada");
  const [presence] = (await sessions.presenceOfSubject("ada")).sessions;
  expect(presence?.since).toBe(0);
  expect(await devicesOf(sessions, "ada")).toEqual([
    expect.objectContaining({ name: "tablet", isOnline: false, since: undefined }),
  ]);
});
