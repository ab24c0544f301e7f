import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { outcomeOf } from "../client-trial.ts";
import type { ClientCase } from "../client-trial.ts";
import { macrotask } from "../waiting.ts";
import { attachedClient, cutOffClient, greetedClient, liveClient } from "./greeted-client.ts";

export const attachingCases: readonly ClientCase[] = [
  {
    name: "a client offers a decoy before the subprotocol, and its first frame is attach",
    async run(trial) {
      const server = await trial.listen();
      const { client } = trial.connect(server);
      const peer = await server.peer();
      deepStrictEqual(peer.offered, [DECOY_SUBPROTOCOL, SUBPROTOCOL]);
      const attach = await peer.attach();
      match(attach.client, /^[\w-]{16}$/);
      deepStrictEqual(
        { ...attach, client: "" },
        {
          type: "attach",
          client: "",
          session: undefined,
          from: 1,
          known: 0,
          mark: 0,
          at: undefined,
          witness: undefined,
          fresh: true,
        },
      );
      strictEqual(client.status, "connecting");
      peer.hello();
      await peer.roundTrip();
      strictEqual(client.status, "live");
      deepStrictEqual(client.session, { id: "s1", resumed: false });
    },
  },
  {
    name: "a page load sends no numbered message before hello, because its session is not known",
    async run(trial) {
      const server = await trial.listen();
      const { client } = trial.connect(server);
      const sent = client.send("a");
      const peer = await server.peer();
      await peer.attach();
      await peer.roundTrip();
      deepStrictEqual(peer.untaken, []);
      strictEqual(client.sendNow("now"), false);
      peer.hello();
      strictEqual(await peer.frame(), "=a");
      peer.send(".+1");
      strictEqual(await outcomeOf(sent), "applied");
    },
  },
  {
    name: "a client that comes back names its session in attach, and sends at most 32 messages before hello",
    async run(trial) {
      const { server, client, attach: first } = await cutOffClient(trial);
      for (let number = 1; number <= 40; number += 1) void client.send(`${number}`);
      const second = await server.peer();
      const attach = await second.attach();
      deepStrictEqual(
        [attach.client, attach.session, attach.from, attach.fresh],
        [first.client, "s1", 1, false],
      );
      for (let number = 1; number <= 32; number += 1) strictEqual(await second.frame(), `=${number}`);
      await second.roundTrip();
      deepStrictEqual(second.untaken, []);
      second.hello({ resumed: true });
      for (let number = 33; number <= 40; number += 1) strictEqual(await second.frame(), `=${number}`);
    },
  },
  {
    name: "at most 48 numbered messages are unsettled, and the others follow as these are settled",
    async run(trial) {
      const { client, peer } = await greetedClient(trial);
      const sent = Array.from({ length: 60 }, (_, index) => client.send(`${index + 1}`));
      for (let number = 1; number <= 48; number += 1) strictEqual(await peer.frame(), `=${number}`);
      await peer.roundTrip();
      deepStrictEqual(peer.untaken, []);
      peer.send(".+10");
      for (let number = 49; number <= 58; number += 1) strictEqual(await peer.frame(), `=${number}`);
      peer.send(".+58");
      for (let number = 59; number <= 60; number += 1) strictEqual(await peer.frame(), `=${number}`);
      peer.send(".+60");
      await Promise.all(sent);
    },
  },
  {
    name: "at most 256 KiB are unsettled, and at most 64 KiB are sent before hello; a longer message is sent alone",
    async run(trial) {
      const { server, client } = await cutOffClient(trial);
      const lengths = [...Array.from({ length: 12 }, () => 30 * 1_024), 300 * 1_024, 1];
      const sent = lengths.map((length) => client.send("x".repeat(length)));
      const second = await server.peer();
      await second.attach();
      const came = async (count: number) => {
        const frames = [];
        for (let taken = 0; taken < count; taken += 1) frames.push(String(await second.frame()).length - 1);
        await second.roundTrip();
        deepStrictEqual(second.untaken, []);
        return frames;
      };
      deepStrictEqual(await came(2), lengths.slice(0, 2));
      second.hello({ resumed: true });
      deepStrictEqual(await came(6), lengths.slice(2, 8));
      second.send(".+8");
      deepStrictEqual(await came(4), lengths.slice(8, 12));
      second.send(".+12");
      deepStrictEqual(await came(1), lengths.slice(12, 13));
      second.send(".+13");
      deepStrictEqual(await came(1), lengths.slice(13));
      second.send(".+14");
      await Promise.all(sent);
    },
  },
  {
    name: "with gate open plain messages are sent at once, and numbered messages wait for a hello with a session",
    async run(trial) {
      const { client, peer, until } = await attachedClient(trial);
      const sent = client.send("a");
      peer.hello({ session: undefined });
      await until("status", ({ status }) => status === "live");
      strictEqual(client.session, undefined);
      strictEqual(client.sendNow("log in"), true);
      strictEqual(await peer.frame(), "-log in");
      peer.hello({ session: "s2" });
      strictEqual(await peer.frame(), "=a");
      deepStrictEqual(client.session, { id: "s2", resumed: false });
      peer.send(".+1");
      await sent;
    },
  },
  {
    name: "the client probes a silent server, and the connection stays if a beat answers the probe",
    async run(trial) {
      const { server, client, peer } = await greetedClient(trial, { silenceMs: 50 });
      for (let round = 0; round < 2; round += 1) {
        strictEqual(await peer.frame(), ".?");
        peer.send(".@0 000000");
      }
      strictEqual(client.status, "live");
      strictEqual(server.connections, 1);
    },
  },
  {
    name: "unknown control frames and members are ignored, and a malformed frame ends the connection with 4400",
    async run(trial) {
      const { client, peer, until } = await greetedClient(trial);
      peer.send(".zwhatever");
      await peer.roundTrip();
      strictEqual(client.status, "live");
      peer.send("?");
      strictEqual((await peer.closed).code, 4400);
      strictEqual((await until("closed")).why, "protocol");
    },
  },
  {
    name: "a hello of another protocol version ends the connection with 4400, and the reason names the version",
    async run(trial) {
      const { peer, until } = await attachedClient(trial);
      peer.send('.h{"v":2}');
      const { code, reason } = await peer.closed;
      strictEqual(code, 4400);
      match(reason, /version/);
      strictEqual((await until("closed")).why, "protocol");
    },
  },
  {
    name: "an ack of a number that was never sent settles nothing: the connection ends with 4400",
    async run(trial) {
      const { client, peer } = await greetedClient(trial);
      const sent = client.send("a");
      await peer.frame();
      peer.send(".+2");
      strictEqual((await peer.closed).code, 4400);
      strictEqual(await outcomeOf(sent), "CLOSED unknown");
    },
  },
  {
    name: "going-away: the client attaches on a new connection, then sends bye on the old one, and loses no message in between",
    async run(trial) {
      const { server, client, peer: old, of, until } = await liveClient(trial);
      const sent = client.send("a");
      strictEqual(await old.frame(), "=a");
      old.send(".g20");
      const next = await server.peer();
      notStrictEqual((await next.attach()).session, undefined);
      strictEqual(await next.frame(), "=a");
      old.kept(5, "late");
      await old.roundTrip();
      next.hello({ resumed: true, record: true, settled: 1 });
      strictEqual(await old.frame(), ".b");
      strictEqual((await old.closed).code, 1000);
      next.kept(5, "late");
      await until("message");
      await macrotask();
      strictEqual(await outcomeOf(sent), "applied");
      deepStrictEqual(
        of("message").map(({ data }) => data),
        ["late"],
      );
      deepStrictEqual(
        of("status").map(({ status }) => status),
        ["live"],
      );
    },
  },
  {
    name: "going-away: 32 messages are sent before hello, also while the old connection settles some of them",
    async run(trial) {
      const { server, client, peer: old } = await liveClient(trial);
      for (let number = 1; number <= 40; number += 1) void client.send(`${number}`);
      for (let number = 1; number <= 40; number += 1) strictEqual(await old.frame(), `=${number}`);
      old.send(".g0");
      const next = await server.peer();
      strictEqual((await next.attach()).from, 1);
      for (let number = 1; number <= 32; number += 1) strictEqual(await next.frame(), `=${number}`);
      old.send(".+20");
      await old.roundTrip();
      for (let number = 41; number <= 50; number += 1) void client.send(`${number}`);
      await next.roundTrip();
      // A server closes a connection that sends more before hello, with 4400, after which no client comes back.
      deepStrictEqual(next.untaken, []);
      next.hello({ resumed: true, record: true, settled: 20 });
      for (let number = 33; number <= 50; number += 1) strictEqual(await next.frame(), `=${number}`);
    },
  },
  {
    name: "going-away: 48 messages are unsettled on the new connection, whatever the old connection has settled",
    async run(trial) {
      const { server, client, peer: old } = await liveClient(trial);
      for (let number = 1; number <= 120; number += 1) void client.send(`${number}`);
      for (let number = 1; number <= 48; number += 1) strictEqual(await old.frame(), `=${number}`);
      old.send(".g0");
      const next = await server.peer();
      await next.attach();
      // The server of the second connection has read the client's record before the first has settled these.
      old.send(".+40");
      await old.roundTrip();
      next.hello({ resumed: true });
      for (let number = 1; number <= 32; number += 1) strictEqual(await next.frame(), `=${number}`);
      // The numbers between these are settled, so attach states the number at which the client continues.
      strictEqual((await next.attach()).from, 41);
      await next.roundTrip();
      deepStrictEqual(next.untaken, [], "the 32 still wait for their handlers");
      next.send(".+32");
      next.hello({ resumed: true, record: true, settled: 40 });
      for (let number = 41; number <= 88; number += 1) strictEqual(await next.frame(), `=${number}`);
      await next.roundTrip();
      deepStrictEqual(next.untaken, []);
      next.send(".+81");
      for (let number = 89; number <= 120; number += 1) strictEqual(await next.frame(), `=${number}`);
    },
  },
  {
    name: "going-away: a client whose new connection is refused keeps the old connection, and tries again",
    async run(trial) {
      const { server, client, peer: old, of } = await liveClient(trial);
      old.send(".g0");
      for (let attempt = 0; attempt < 3; attempt += 1) (await server.peer()).socket.close(4503);
      const next = await server.peer();
      strictEqual(client.sendNow("still here"), true);
      strictEqual(await old.frame(), "-still here");
      await next.attach();
      next.hello({ resumed: true });
      strictEqual(await old.frame(), ".b");
      deepStrictEqual(
        of("status").map(({ status }) => status),
        ["live"],
      );
    },
  },
];
