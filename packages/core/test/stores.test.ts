import { testStore } from "@wsession/conformance";
import { inConnectionStore, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import type { StoreBacking } from "@wsession/conformance";
import { vi } from "vitest";

/** Uses a fake clock, because no socket is involved. */
function openAtRest(store: SessionStore): StoreBacking {
  vi.useFakeTimers();
  return {
    store: () => store,
    pass: (ms) => void vi.advanceTimersByTime(ms),
    close: () => void vi.useRealTimers(),
  };
}

testStore("inConnectionStore", {
  capabilities: { resumable: false, shared: false, values: "any" },
  tickMs: 1_000,
  open: () => openAtRest(inConnectionStore()),
});

testStore("mapStore", {
  capabilities: { resumable: true, shared: false, values: "any", outbox: true },
  commits: true,
  presence: true,
  lifetimes: true,
  health: true,
  tickMs: 1_000,
  open: () => openAtRest(mapStore()),
});
