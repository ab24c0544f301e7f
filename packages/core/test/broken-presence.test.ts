import { runStoreCase, storeCases } from "@wsession/conformance";
import type { StoreHarness } from "@wsession/conformance";
import { mapStore } from "@wsession/core";
import type { SessionStore, Tracking } from "@wsession/core";
import { describe, expect, test } from "vitest";

/** A map store with another `track`, or other methods. */
function tampered(replace: (store: SessionStore) => Partial<SessionStore>): SessionStore {
  const store: SessionStore = mapStore();
  return Object.assign(store, replace(store));
}

const tracksWith = (change: (tracking: Tracking) => Tracking) => () =>
  tampered((store) => {
    const track = store.track?.bind(store);
    return { track: (tracking) => track?.(change(tracking)) };
  });

/** Leaves at each lost connection, without waiting for the client. */
const flickers = () =>
  tampered((store) => {
    const release = store.release.bind(store);
    return { release: (id) => release(id, "left") };
  });

/** Takes a clean leave for a lost connection. */
const ignoresCleanLeaves = () =>
  tampered((store) => {
    const release = store.release.bind(store);
    return { release: (id) => release(id) };
  });

/** As two processes that both handle an event. */
const leavesTwice = tracksWith((tracking) => ({
  ...tracking,
  async deliver(type, event) {
    await tracking.deliver(type, event);
    await tracking.deliver(type, event);
  },
}));

/** Loses every event: as a store whose deadlines die with the process that has set them. */
const neverLeaves = tracksWith((tracking) => ({ ...tracking, deliver: () => Promise.resolve() }));

/** Gives each event of a session the same id, so that a receiver ignores all but the first. */
const reusesIds = tracksWith((tracking) => ({
  ...tracking,
  deliver: (type, event) => tracking.deliver(type, { ...event, id: event.sessionId }),
}));

/** Reports changes, and not the state before the first change. */
const reportsChangesAlone = () =>
  tampered((store) => {
    const watch = store.watch?.bind(store);
    return {
      async watch(subjects, listener) {
        let isReady = false;
        const stop = await watch?.(subjects, (event) => isReady && listener(event));
        isReady = true;
        return stop ?? (() => undefined);
      },
    };
  });

/** A broken store: its list omits each session that never had a connection. */
const listsVisits = () =>
  tampered((store) => {
    const presenceOfSubject = store.presenceOfSubject?.bind(store);
    return {
      async presenceOfSubject(subject) {
        const found = (await presenceOfSubject?.(subject)) ?? expect.fail();
        return { ...found, sessions: found.sessions.filter(({ since }) => since > 0) };
      },
    };
  });

/** With the real clock, because a case that waits for an event that never comes has to end. */
function harnessOf(make: () => SessionStore): StoreHarness {
  return {
    capabilities: { resumable: true, shared: false, values: "any", outbox: true },
    presence: true,
    tickMs: 25,
    open: () => ({
      store: make,
      pass: (ms) =>
        new Promise((resolve) => {
          setTimeout(resolve, ms + 2);
        }),
      close: () => undefined,
    }),
  };
}

/** The numbers of the cases that the store fails, among those that apply to it. */
async function caught(make: () => SessionStore, timeoutMs = 2_000): Promise<number[]> {
  const harness = harnessOf(make);
  const cases = (storeCases["presence"] ?? []).filter(
    ({ applies }) => applies?.(harness.capabilities, harness) !== false,
  );
  const outcomes = cases.map((one) =>
    runStoreCase(one, harness, { timeoutMs }).then(
      () => true,
      () => false,
    ),
  );
  const passed = await Promise.all(outcomes);
  return cases.flatMap((_, index) => (passed[index] === true ? [] : [index]));
}

describe("the cases of presence catch", () => {
  test("no error in a store that keeps the contract", async () => {
    // No case waits for an event that never comes.
    expect(await caught(mapStore, 10_000)).toEqual([]);
  });

  test.each([
    ["whose sessions leave at each reconnect", flickers, [0, 2, 3, 5]],
    ["that treats a clean close as a lost connection", ignoresCleanLeaves, [1, 4]],
    ["that delivers each event twice", leavesTwice, [0, 1, 3, 5]],
    ["that loses events", neverLeaves, [0, 1, 3, 5]],
    ["whose events have one id", reusesIds, [1]],
    ["that does not report the present state", reportsChangesAlone, [4]],
    ["that lists only sessions that had a connection", listsVisits, [6]],
  ])("a store %s", async (_what, make, cases) => {
    expect(await caught(make)).toEqual(cases);
  });
});
