import { connect } from "@wsession/client";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { client, listen, watch } from "./support.ts";
import type { ScriptedPeer, ScriptedServer } from "@wsession/conformance";

/** Fake timers and a fake clock; sockets, microtasks and immediates stay real. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Listens to the events of the network in place of the platform. Returns a function that calls the listeners. */
function stubWakes(): () => void {
  const wakes: (() => void)[] = [];
  vi.stubGlobal(
    "addEventListener",
    (type: string, wake: () => void) => type === "online" && wakes.push(wake),
  );
  vi.stubGlobal("removeEventListener", () => undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  return () => {
    for (const wake of wakes) wake();
  };
}

async function live(server: ScriptedServer, silenceMs: number, beatMs = 0) {
  const watched = client(server, { silenceMs, backoff: { minMs: 10, maxMs: 10 } });
  const peer = await server.peer();
  await peer.attach();
  peer.hello({ beatMs });
  await watched.until("status", ({ status }) => status === "live");
  return { ...watched, peer };
}

describe("silence", () => {
  test("a silent server is probed, and counts as dead 5 s later: the client comes back", async () => {
    const server = await listen();
    const { until, peer } = await live(server, 45_000);
    await vi.advanceTimersByTimeAsync(44_999);
    await peer.roundTrip();
    expect(peer.untaken).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await peer.frame()).toBe(".?");
    await vi.advanceTimersByTimeAsync(4_999);
    expect(server.connections).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    const { reason } = await until("status", ({ status }) => status === "waiting");
    expect(reason).toBe("the server is silent");
    await vi.advanceTimersByTimeAsync(10);
    expect((await (await server.peer()).attach()).session).toBe("s1");
  });

  test("a server with a long beat interval is probed after 2.5 intervals", async () => {
    const server = await listen();
    const { peer } = await live(server, 45_000, 30_000);
    // What was asked for is what counts once the first wait is over.
    await vi.advanceTimersByTimeAsync(74_999);
    await peer.roundTrip();
    expect(peer.untaken).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await peer.frame()).toBe(".?");
  });

  test("after a suspension, of a frozen tab or a sleeping laptop, a live server is probed and its connection stays", async () => {
    const server = await listen();
    const { peer, client: one } = await live(server, 45_000);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(await peer.frame()).toBe(".?");
    // The clock jumps while the probe is out, and timers run before the socket's data is read.
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(5_000);
    expect(one.status).toBe("live");
    expect(await peer.frame()).toBe(".?");
    peer.send(".@0 000000");
    await peer.roundTrip();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(one.status).toBe("live");
    expect(server.connections).toBe(1);
  });

  test("a server that died during a suspension is detected", async () => {
    const server = await listen();
    const { until } = await live(server, 45_000);
    await vi.advanceTimersByTimeAsync(45_000);
    for (let standstill = 0; standstill < 4; standstill += 1) {
      vi.setSystemTime(Date.now() + 3_600_000);
      await vi.advanceTimersByTimeAsync(5_000);
    }
    await until("status", ({ status }) => status === "waiting");
  });

  test("a silent server is detected in the same time if the clock is set back, before the probe or after it", async () => {
    const server = await listen();
    const { until, peer } = await live(server, 45_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(45_000);
    expect(await peer.frame()).toBe(".?");
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await until("status", ({ status }) => status === "waiting")).reason).toBe("the server is silent");
  });

  test("an event of the network or the page probes the server, also if the clock was set back", async () => {
    const wake = stubWakes();
    const { peer } = await live(await listen(), 45_000);
    vi.setSystemTime(Date.now() - 3_600_000);
    wake();
    expect(await peer.frame()).toBe(".?");
  });

  test("events of the network or the page that keep coming do not extend the time limit of the answer", async () => {
    const wake = stubWakes();
    const { peer, until } = await live(await listen(), 45_000);
    for (let seconds = 0; seconds < 8; seconds += 2) {
      await vi.advanceTimersByTimeAsync(2_000);
      wake();
    }
    await until("status", ({ status }) => status === "waiting");
    // The close frame arrives after all frames that the client has sent.
    await peer.closed;
    expect(peer.untaken).toEqual([".?"]);
  });

  test("no event of the network or the page sends a probe to a server without the protocol, or ends its connection", async () => {
    const wake = stubWakes();
    const server = await listen({ choose: ([first = ""]) => first });
    const { client: one, until } = client(server);
    const peer = await server.peer();
    await until("status", ({ status }) => status === "live");
    peer.send("a");
    await until("message");
    await vi.advanceTimersByTimeAsync(2_000);
    wake();
    await peer.roundTrip();
    expect(peer.untaken).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([one.status, server.connections]).toEqual(["live", 1]);
  });

  test("an attempt that is never answered ends after a time limit", async () => {
    const sockets: object[] = [];
    class Silent {
      readonly readyState: number = 0;
      onopen = null;
      onmessage = null;
      onerror = null;
      onclose = null;
      constructor() {
        sockets.push(this);
      }
      send(): void {}
      close(): void {}
    }
    const { client: one, until } = watch(connect("ws://nowhere", { WebSocket: Silent, silenceMs: 45_000 }));
    await vi.advanceTimersByTimeAsync(50_000);
    expect((await until("status", ({ status }) => status === "waiting")).code).toBe(1006);
    await vi.advanceTimersByTimeAsync(250);
    expect(sockets).toHaveLength(2);
    const closed = one.close();
    await vi.advanceTimersByTimeAsync(3_000);
    await closed;
  });
});

describe("backoff", () => {
  test("delays double from 250 ms to 30 s, with full jitter, and start again after a stable connection", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    onTestFinished(() => vi.mocked(Math.random).mockRestore());
    const { client: one, of } = watch(connect("ws://127.0.0.1:1", { WebSocket }));
    onTestFinished(() => one.close());
    const waits = () =>
      of("status").flatMap(({ status, retryInMs }) => (status === "waiting" ? [retryInMs] : []));
    const expected = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    for (const [index, wait] of expected.entries()) {
      await vi.waitFor(() => expect(waits()).toHaveLength(index + 1), { timeout: 5_000 });
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(waits().slice(0, expected.length)).toEqual(expected);
  });

  test("a server that ends each connection at once with 1012 is a restart three times, then the delays double", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    onTestFinished(() => vi.mocked(Math.random).mockRestore());
    const server = await listen();
    const { of } = client(server, { backoff: {} });
    const waits = () =>
      of("status").flatMap(({ status, retryInMs }) => (status === "waiting" ? [retryInMs] : []));
    const expected = [1_000, 1_000, 1_000, 2_000, 4_000, 8_000];
    for (const [index, wait] of expected.entries()) {
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      peer.socket.close(1012);
      await vi.waitFor(() => expect(waits()).toHaveLength(index + 1), { timeout: 20_000 });
      await vi.advanceTimersByTimeAsync(wait);
    }
    expect(waits()).toEqual(expected);
  });

  test.each([
    ["requests another connection after each hello", ".g0"],
    ["gives each connection a renewal code", '.n{"code":"c"}'],
    ["requests one attach after the other", ".s0"],
  ])(
    "a server that %s is tried again at once, then the delays double until a connection is stable",
    async (_, frame) => {
      vi.spyOn(Math, "random").mockReturnValue(1);
      onTestFinished(() => vi.mocked(Math.random).mockRestore());
      const server = await listen();
      const { client: one } = client(server, { backoff: {} });
      /** Asserts that the client opens its next connection after `ms`, and not before. */
      const next = async (ms: number): Promise<ScriptedPeer> => {
        const { connections } = server;
        if (ms > 0) await vi.advanceTimersByTimeAsync(ms - 1);
        // A connection of an attempt that began too early arrives in the meantime.
        await new Promise((resolve) => setImmediate(resolve));
        expect(server.connections).toBe(connections);
        await vi.advanceTimersByTimeAsync(1);
        return server.peer();
      };
      const serve = async (peer: ScriptedPeer): Promise<void> => {
        await peer.attach();
        peer.hello();
        await peer.roundTrip();
      };
      let peer = await server.peer();
      for (const ms of [0, 500, 1_000, 2_000, 4_000]) {
        await serve(peer);
        for (let sent = 0; sent < (frame === ".s0" ? 8 : 1); sent += 1) {
          peer.send(frame);
          peer.hello();
        }
        await peer.roundTrip();
        peer = await next(ms);
      }
      await serve(peer);
      await vi.advanceTimersByTimeAsync(5_000);
      peer.send(".g0");
      await peer.roundTrip();
      await serve(await next(0));
      expect(one.status).toBe("live");
    },
  );

  test("delays start again after a stable connection, also if the clock was set back meanwhile", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    onTestFinished(() => vi.mocked(Math.random).mockRestore());
    const server = await listen();
    let failures = 3;
    const { until, of } = client(server, { backoff: {} }, () => {
      if (failures-- > 0) throw new Error("no address");
      return server.url;
    });
    for (const ms of [250, 500, 1_000]) {
      await until("status", ({ retryInMs }) => retryInMs === ms);
      await vi.advanceTimersByTimeAsync(ms);
    }
    const peer = await server.peer();
    await peer.attach();
    peer.hello();
    await until("status", ({ status }) => status === "live");
    vi.setSystemTime(Date.now() - 3_600_000);
    peer.cut();
    await vi.waitFor(() => expect(of("status").at(-1)?.status).toBe("waiting"), { timeout: 5_000 });
    expect(of("status").at(-1)?.retryInMs).toBe(250);
  });

  test("if no other server was found for a handover, the client connects again within a second after 1012, as after a restart", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    onTestFinished(() => vi.mocked(Math.random).mockRestore());
    const server = await listen();
    let asked = 0;
    const address = (): string => {
      asked += 1;
      if (asked > 1) throw new Error("no other server");
      return server.url;
    };
    const { until } = client(server, { backoff: { minMs: 30_000, maxMs: 30_000 } }, address);
    const peer = await server.peer();
    await peer.attach();
    peer.hello();
    await until("status", ({ status }) => status === "live");
    peer.send(".g0");
    await peer.roundTrip();
    await vi.advanceTimersByTimeAsync(1);
    expect(asked).toBe(2);
    peer.socket.close(1012);
    expect((await until("status", ({ status }) => status === "waiting")).retryInMs).toBe(1_000);
  });
});
