import { accept } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import type { FramedPeer } from "../framed-peer.ts";
import { attachedPeer, framedServer, transactionServer } from "../framed-server.ts";
import { valuesOf } from "../raw-client.ts";
import { deferred, delay, Journal, until } from "../waiting.ts";

/** Sends bye, as a client does that is live on a new connection. */
async function leave(peer: FramedPeer): Promise<void> {
  peer.client.send(".b");
  peer.client.socket.close(1000);
  await peer.client.closed;
}

/** The guarantees of `sessions.close({ handover: true })`. */
export const handoverCases: readonly AdapterCase[] = [
  {
    name: "close({ handover }) announces the end to one client after another, over the first half of drainMs, and closes none before drainMs",
    async run(trial) {
      const setting = await framedServer(trial);
      const peers = [await attachedPeer(setting), await attachedPeer(setting), await attachedPeer(setting)];
      const started = performance.now();
      const closing = setting.sessions.close({ handover: true, drainMs: 900 });
      const told = await Promise.all(
        peers.map(async ({ peer }) => {
          const { ms } = await peer.until("going-away");
          expect(ms).toBe(0);
          return performance.now() - started;
        }),
      );
      for (const [index, at] of told.entries()) expect(at).toBeGreaterThanOrEqual(150 * index - 2);
      expect(setting.sessions.connections.size).toBe(3);
      // These clients ignore the frame, as a client of an older version may.
      const ends = await Promise.all(peers.map(({ peer }) => peer.client.closed));
      expect(performance.now() - started).toBeGreaterThanOrEqual(898);
      for (const end of ends) expect(end).toEqual({ code: 1012, reason: "server restarting" });
      await closing;
    },
  },
  {
    name: "close({ handover }) resolves as soon as all clients have left, and not after drainMs",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      const closing = setting.sessions.close({ handover: true });
      await peer.until("going-away");
      await leave(peer);
      await closing;
      expect(setting.sessions.connections.size).toBe(0);
    },
  },
  {
    name: "close({ handover }) refuses newcomers with 503 and Retry-After, also a client of v1.wsession and an undecided handshake",
    async run(trial) {
      const asked = deferred();
      const admitted = deferred();
      const setting = await framedServer(trial, {
        // The second newcomer waits for a decision that comes too late.
        admit: async ({ url }) => {
          if (url.includes("late")) {
            asked.resolve();
            await admitted.promise;
          }
          return accept();
        },
      });
      const { peer } = await attachedPeer(setting);
      const headers = [["Sec-WebSocket-Protocol", `${DECOY_SUBPROTOCOL}, ${SUBPROTOCOL}`]] as const;
      const undecided = trial.refused(setting.server, { path: "/?late", headers });
      await asked.promise;
      const drainMs = 60_000;
      const started = performance.now();
      const closing = setting.sessions.close({ handover: true, drainMs });
      for (const refusal of [
        await undecided,
        await trial.refused(setting.server),
        await trial.refused(setting.server, { headers }),
      ]) {
        expect(refusal.status).toBe(503);
        const [seconds = "", ...further] = valuesOf(refusal.headers, "retry-after");
        expect(further).toEqual([]);
        expect(seconds).toMatch(/^[0-9]+$/);
        // The seconds that were left when the answer was written, which is between these two times.
        expect(Number(seconds)).toBeLessThanOrEqual(drainMs / 1_000);
        expect(Number(seconds)).toBeGreaterThanOrEqual((drainMs - (performance.now() - started)) / 1_000);
      }
      admitted.resolve();
      await leave(peer);
      await closing;
    },
  },
  {
    name: "close({ handover }) closes clients that do not speak v1.wsession with 1012, connection i of n after drainMs * i / n",
    async run(trial) {
      const closed = new Journal<number>();
      const setting = await framedServer(trial, {}, { close: () => closed.note(performance.now()) });
      const raw = [await setting.connectRaw(), await setting.connectRaw()];
      const { peer } = await attachedPeer(setting);
      const started = performance.now();
      const closing = setting.sessions.close({ handover: true, drainMs: 100 });
      for (const client of raw) expect((await client.closed).code).toBe(1012);
      await closed.until(2);
      expect((closed.entries[1] ?? 0) - started).toBeGreaterThanOrEqual(48);
      await leave(peer);
      await closing;
    },
  },
  {
    name: "close({ handover }) announces the end to a client without a hello as soon as the client has got its hello",
    async run(trial) {
      const setting = await framedServer(trial);
      const peer = await setting.connect();
      await until(() => setting.sessions.connections.size === 1);
      const closing = setting.sessions.close({ handover: true, drainMs: 5_000 });
      await delay(20);
      peer.attach();
      await peer.until("hello");
      await peer.until("going-away");
      await leave(peer);
      await closing;
    },
  },
  {
    name: "I21 during a handover messages are handled and kept messages delivered, and a transaction that runs at bye is settled",
    async run(trial) {
      const handled = new Journal();
      const blocked = deferred();
      const { setting, peer } = await transactionServer(trial, {
        async transaction(tx, message) {
          if (`${message}` === "blocked") await blocked.promise;
          tx.send(`got ${message}`);
          handled.note(`${message}`);
        },
        close: (_, { code }) => handled.note(`close ${code}`),
      });
      const closing = setting.sessions.close({ handover: true, drainMs: 2_000 });
      await peer.until("going-away");
      peer.sendCounted("one");
      expect(await peer.keptTexts(1)).toEqual(["got one"]);
      peer.sendCounted("blocked");
      peer.sendCounted("two");
      peer.client.send(".b");
      await peer.client.roundTrip();
      blocked.resolve();
      await closing;
      expect(handled.entries).toEqual(["one", "blocked", "two", "close 1000"]);
    },
  },
  {
    name: "close({ handover }) twice, and close() after it, are one shutdown, with the options of the first",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      const first = setting.sessions.close({ handover: true, drainMs: 2_000 });
      const second = setting.sessions.close({ handover: true, drainMs: 1 });
      const third = setting.sessions.close();
      await peer.until("going-away");
      peer.client.send(".?");
      const next = await peer.next();
      expect(next.type).toBe("beat");
      await leave(peer);
      await Promise.all([first, second, third]);
    },
  },
];
