import { describe, expect, test } from "vitest";
import { ServerClock } from "../src/connection/clock.ts";

describe("the estimate of the server's clock (I10)", () => {
  test("is never ahead of the server's clock, even if the round trip was slow", () => {
    const clock = new ServerClock();
    // The server read 10,000 at some time between 0 and 400 of this process: at 400 the server reads 10,000 at the least.
    clock.observe(10_000, 0, 400);
    expect(clock.serverTime(400)).toBe(10_000);
    expect(clock.serverTime(1_400)).toBe(11_000);
  });

  test("improves with each faster round trip, and gets no worse with a slower one", () => {
    const clock = new ServerClock();
    clock.observe(10_000, 0, 400);
    clock.observe(11_000, 1_000, 1_020);
    expect(clock.serverTime(1_020)).toBe(11_000);
    clock.observe(12_000, 2_000, 2_900);
    expect(clock.serverTime(1_020)).toBe(11_000);
  });

  test("follows a server whose clock was set back", () => {
    const clock = new ServerClock();
    clock.observe(10_000, 0, 10);
    clock.observe(5_000, 1_000, 1_010);
    expect(clock.serverTime(1_010)).toBe(5_000);
  });

  test("is discarded when another server may answer", () => {
    const clock = new ServerClock();
    clock.observe(10_000, 0, 10);
    clock.forget();
    expect(clock.known).toBe(false);
  });
});
