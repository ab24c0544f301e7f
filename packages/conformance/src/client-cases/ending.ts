import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { outcomeOf } from "../client-trial.ts";
import type { ClientCase } from "../client-trial.ts";
import { until } from "../waiting.ts";
import { liveClient } from "./greeted-client.ts";

const stops = [
  [4400, "protocol"],
  [4403, "refused"],
  [4409, "replaced"],
  [4410, "login"],
  [4419, "login"],
] as const;

export const endingCases: readonly ClientCase[] = [
  ...stops.map(([code, why]): ClientCase => ({
    name: `close code ${code} ends the client, and closed gives the reason ${why}`,
    async run(trial) {
      const { server, peer, client, until: emitted } = await liveClient(trial);
      const sent = client.send("a");
      await peer.frame();
      const queued = outcomeOf(sent);
      peer.socket.close(code, "over");
      deepStrictEqual(await emitted("closed"), { code, reason: "over", why });
      strictEqual(client.status, "closed");
      strictEqual(await queued, "CLOSED unknown");
      strictEqual(await outcomeOf(client.send("b")), "CLOSED not-applied");
      strictEqual(client.sendNow("c"), false);
      strictEqual(server.connections, 1);
    },
  })),
  ...[1000, 1001, 1011, 1012, 1013, 4408, 4413, 4503].map((code): ClientCase => ({
    name: `close code ${code} does not end the client, which connects again`,
    async run(trial) {
      const { server, peer, until: emitted } = await liveClient(trial);
      peer.socket.close(code);
      await emitted("status", ({ status }) => status === "waiting");
      const next = await server.peer();
      strictEqual((await next.attach()).session, "s1");
    },
  })),
  {
    name: "after 4401 a client that had a session tries twice more, because another tab may renew the cookie",
    async run(trial) {
      const { server, peer, until: emitted } = await liveClient(trial);
      peer.socket.close(4401);
      for (let attempt = 0; attempt < 2; attempt += 1) (await server.peer()).socket.close(4401);
      strictEqual((await emitted("closed")).why, "login");
      strictEqual(server.connections, 3);
    },
  },
  {
    name: "4401 at once ends a client that never had a session",
    async run(trial) {
      const server = await trial.listen();
      const { until: emitted } = trial.connect(server);
      (await server.peer()).socket.close(4401);
      strictEqual((await emitted("closed")).why, "login");
      strictEqual(server.connections, 1);
    },
  },
  {
    name: "4409 on a connection that the client itself is replacing does not end the client",
    async run(trial) {
      const { server, peer, client, until: emitted } = await liveClient(trial);
      client.reconnect();
      const next = await server.peer();
      strictEqual((await next.attach()).fresh, true);
      peer.socket.close(4409);
      await emitted("status", ({ status }) => status === "connecting");
      next.hello({ resumed: true });
      await next.roundTrip();
      strictEqual(client.status, "live");
    },
  },
  {
    name: "close() sends bye, closes with its code, and rejects all queued messages",
    async run(trial) {
      const { peer, client, until: emitted } = await liveClient(trial);
      const sent = outcomeOf(client.send("a"));
      strictEqual(await peer.frame(), "=a");
      await client.close(4000, "done");
      strictEqual(await sent, "CLOSED unknown");
      strictEqual(await peer.frame(), ".b");
      deepStrictEqual(await peer.closed, { code: 4000, reason: "done" });
      deepStrictEqual(await emitted("closed"), { code: 4000, reason: "done", why: "asked" });
    },
  },
  {
    name: "with a server that does not speak the protocol the client is a plain WebSocket: send rejects, sendNow and messages work",
    async run(trial) {
      const server = await trial.listen({ choose: ([first = ""]) => first });
      const { client, until: emitted } = trial.connect(server);
      const queued = outcomeOf(client.send("never"));
      const peer = await server.peer();
      await emitted("status", ({ status }) => status === "live");
      strictEqual(await queued, "NOT_SUPPORTED not-applied");
      strictEqual(await outcomeOf(client.send("never")), "NOT_SUPPORTED not-applied");
      strictEqual(client.sendNow("=raw"), true);
      strictEqual(await peer.frame(), "=raw");
      peer.send("=000000kept?");
      deepStrictEqual(await emitted("message"), { data: "=000000kept?", offset: undefined, replayed: false });
      peer.cut();
      await server.peer();
    },
  },
  {
    name: "the client offers its token as a subprotocol, stores each token that hello or a notice brings, and confirms it",
    async run(trial) {
      let token: string | undefined = "t1";
      const storage = {
        read: () => token,
        write(value: string | undefined) {
          token = value;
        },
      };
      const { server, peer } = await liveClient(trial, { token: storage });
      deepStrictEqual(peer.offered, ["none.v1.wsession", "v1.wsession", "wsession.t1"]);
      peer.send('.n{"token":"t2"}');
      strictEqual(await peer.frame(), ".t");
      strictEqual(token, "t2");
      peer.cut();
      const next = await server.peer();
      strictEqual(next.offered.at(-1), "wsession.t2");
      await next.attach();
      next.hello({ session: "s2", token: "t3" });
      await next.roundTrip();
      strictEqual(token, "t3");
      next.socket.close(4410);
      await next.closed;
      await until(() => token === undefined);
    },
  },
  {
    name: "a client that gets a renewal code presents the code on a new connection, before the old connection ends",
    async run(trial) {
      const { server, peer, until: emitted } = await liveClient(trial);
      peer.send('.n{"code":"a~b"}');
      const next = await server.peer();
      strictEqual(next.query.get("renewal"), "a~b");
      await next.attach();
      next.hello({ resumed: true });
      strictEqual(await peer.frame(), ".b");
      await peer.closed;
      await emitted("status", ({ status }) => status === "live");
      next.cut();
      strictEqual((await server.peer()).query.get("renewal"), null);
    },
  },
];
