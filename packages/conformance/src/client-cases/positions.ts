import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { ClientCase, ClientTrial } from "../client-trial.ts";
import type { ScriptedPeer } from "../scripted-server.ts";
import { nextConnection } from "./greeted-client.ts";

/** A live client whose position is offset 2, chain 11. */
async function reading(trial: ClientTrial, hello: Parameters<ScriptedPeer["hello"]>[0] = {}) {
  const server = await trial.listen();
  const watched = trial.connect(server);
  const peer = await server.peer();
  await peer.attach();
  peer.hello({ at: { offset: 0, chain: 0 }, ...hello });
  peer.kept(10, "one");
  peer.kept(11, "two");
  await watched.until("message", ({ data }) => data === "two");
  return { server, peer, ...watched };
}

export const positionCases: readonly ClientCase[] = [
  {
    name: "I19 a position is an offset and the chain of that offset",
    async run(trial) {
      const { server, peer, of } = await reading(trial);
      deepStrictEqual(
        of("message").map(({ offset }) => offset),
        [1, 2],
      );
      const { next, attach } = await nextConnection(server, peer);
      deepStrictEqual(attach.at, { offset: 2, chain: 11 });
      next.hello({ resumed: true, at: { offset: 2, chain: 11 }, last: 3 });
      next.kept(12, "three");
      next.kept(13, "four");
      await next.roundTrip();
      deepStrictEqual(of("message").slice(2), [
        { data: "three", offset: 3, replayed: true },
        { data: "four", offset: 4, replayed: false },
      ]);
    },
  },
  {
    name: "a new client starts at the position in hello",
    async run(trial) {
      const server = await trial.listen();
      const { until } = trial.connect(server);
      const peer = await server.peer();
      await peer.attach();
      peer.hello({ at: { offset: 41, chain: 5 } });
      peer.kept(6, "x");
      strictEqual((await until("message")).offset, 42);
    },
  },
  {
    name: "a jump moves the position and its chain, and attach has its witness until the position has passed the witness",
    async run(trial) {
      const { server, peer } = await reading(trial);
      peer.send(".>2 00000c 6 00000d");
      await peer.roundTrip();
      const first = await nextConnection(server, peer);
      deepStrictEqual(
        [first.attach.at, first.attach.witness],
        [
          { offset: 4, chain: 12 },
          { offset: 6, chain: 13 },
        ],
      );
      first.next.hello({ resumed: true, at: { offset: 4, chain: 12 } });
      first.next.kept(20, "five");
      await first.next.roundTrip();
      const second = await nextConnection(server, first.next);
      deepStrictEqual(second.attach.witness, { offset: 6, chain: 13 });
      second.next.hello({ resumed: true, at: { offset: 5, chain: 20 } });
      second.next.kept(13, "six");
      await second.next.roundTrip();
      const third = await nextConnection(server, second.next);
      deepStrictEqual([third.attach.at, third.attach.witness], [{ offset: 6, chain: 13 }, undefined]);
    },
  },
  {
    name: "I16 missed: offsets that are no longer kept are reported, in hello and later, and the position moves past them",
    async run(trial) {
      const { server, peer, of, until } = await reading(trial);
      const { next } = await nextConnection(server, peer);
      next.hello({
        resumed: true,
        at: { offset: 5, chain: 50 },
        missed: { from: 3, to: 5, certain: true },
      });
      next.kept(51, "six");
      strictEqual((await until("message", ({ data }) => data === "six")).offset, 6);
      next.send('.x{"from":7,"to":9,"chain":"00002a","certain":true}');
      await next.roundTrip();
      deepStrictEqual(of("missed"), [
        { from: 3, to: 5, certain: true },
        { from: 7, to: 9, certain: true },
      ]);
      deepStrictEqual((await nextConnection(server, next)).attach.at, { offset: 9, chain: 82 });
    },
  },
  {
    name: "I19 a reset: offsets fall, the application gets missed with certain false, and the witness is dropped",
    async run(trial) {
      const { server, peer, of } = await reading(trial);
      peer.send(".>1 00000c 9 00000d");
      peer.send('.x{"from":1,"to":0,"chain":"000001","certain":false}');
      peer.kept(7, "another history");
      await peer.roundTrip();
      deepStrictEqual(of("missed"), [{ from: 1, to: 0, certain: false }]);
      strictEqual(of("message").at(-1)?.offset, 1);
      const { attach } = await nextConnection(server, peer);
      deepStrictEqual([attach.at, attach.witness], [{ offset: 1, chain: 7 }, undefined]);
    },
  },
  {
    name: "the position does not pass a message without a listener: the message comes again once there is a listener",
    async run(trial) {
      const server = await trial.listen();
      const { client, until } = trial.connect(server, { isDeaf: true });
      const peer = await server.peer();
      await peer.attach();
      peer.hello({ at: { offset: 0, chain: 0 } });
      await until("status", ({ status }) => status === "live");
      peer.kept(10, "one");
      await peer.roundTrip();
      const received: unknown[] = [];
      client.on("message", ({ data }) => received.push(data));
      const next = await server.peer();
      deepStrictEqual((await next.attach()).at, { offset: 0, chain: 0 });
      next.hello({ resumed: true, last: 1 });
      next.kept(10, "one");
      await next.roundTrip();
      deepStrictEqual(received, ["one"]);
    },
  },
  {
    name: "a binary message starts at an aligned address, so that each kind of typed array can view it",
    async run(trial) {
      const { peer, until } = await reading(trial);
      peer.kept(12, new Uint8Array(new Float32Array([1.5, -2]).buffer));
      const { data } = await until("message", (event) => typeof event.data !== "string");
      if (typeof data === "string") throw new Error("unreachable");
      deepStrictEqual([...new Float32Array(data.buffer, data.byteOffset, 2)], [1.5, -2]);
    },
  },
  {
    name: "if hello asks for acks, the client reports its position after each 32 messages or after a second",
    async run(trial) {
      const { peer } = await reading(trial, { acks: true });
      for (let offset = 3; offset <= 32; offset += 1) peer.kept(offset, "x");
      strictEqual(await peer.frame(), ".k32");
      peer.kept(40, "y");
      strictEqual(await peer.frame(), ".k33");
    },
  },
  {
    name: "if hello asks for no acks, the client reports nothing",
    async run(trial) {
      const { peer } = await reading(trial);
      for (let offset = 3; offset <= 70; offset += 1) peer.kept(offset, "x");
      await peer.roundTrip();
      deepStrictEqual(peer.untaken, []);
    },
  },
];
