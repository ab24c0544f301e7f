import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { outcomeOf } from "../client-trial.ts";
import type { ClientCase, ClientTrial } from "../client-trial.ts";
import { nextConnection } from "./greeted-client.ts";

/** A live client that has sent these messages, unsettled. */
async function sending(trial: ClientTrial, messages: readonly string[]) {
  const server = await trial.listen();
  const watched = trial.connect(server);
  const peer = await server.peer();
  const { client: id } = await peer.attach();
  peer.hello({ mark: 7 });
  await watched.until("status", ({ status }) => status === "live");
  const sent = messages.map((message) => watched.client.send(message));
  for (const message of messages) strictEqual(await peer.frame(), `=${message}`);
  return { server, ...watched, peer, id, sent };
}

export const numberingCases: readonly ClientCase[] = [
  {
    name: "an ack settles all numbers up to its own, except numbers that were refused before, with code and detail",
    async run(trial) {
      const { peer, sent } = await sending(trial, ["a", "b", "c"]);
      const refused = rejects(sent[1] ?? Promise.resolve(), { code: "OUTBID", detail: { highest: 40 } });
      peer.send('.!2{"code":"OUTBID","message":"too low","detail":{"highest":40}}');
      peer.send(".+3");
      await refused;
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["applied", "OUTBID not-applied", "applied"]);
    },
  },
  {
    name: "a handler that failed rejects with HANDLER_FAILED, and the connection stays",
    async run(trial) {
      const { peer, sent, client } = await sending(trial, ["a"]);
      peer.send('.!1{"code":"HANDLER_FAILED"}');
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["HANDLER_FAILED not-applied"]);
      strictEqual(client.status, "live");
    },
  },
  {
    name: "a refusal with an empty code, which no server of these packages sends, also settles its message",
    async run(trial) {
      const { peer, sent } = await sending(trial, ["a"]);
      peer.send('.!1{"code":""}');
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["REFUSED not-applied"]);
    },
  },
  {
    name: "unsettled messages are sent again, in order, under the same numbers",
    async run(trial) {
      const { server, peer, sent, id } = await sending(trial, ["a", "b", "c"]);
      peer.send(".+1");
      await sent[0];
      const { next, attach } = await nextConnection(server, peer);
      deepStrictEqual(
        [attach.client, attach.from, attach.known, attach.mark, attach.session],
        [id, 2, 1, 7, "s1"],
      );
      strictEqual(await next.frame(), "=b");
      strictEqual(await next.frame(), "=c");
    },
  },
  {
    name: "hello says for each unsettled number whether its message was applied or refused",
    async run(trial) {
      const { server, peer, sent } = await sending(trial, ["a", "b", "c"]);
      const { next } = await nextConnection(server, peer);
      next.hello({ resumed: true, record: true, settled: 2, refused: [1], mark: 7 });
      deepStrictEqual(await Promise.all(sent.slice(0, 2).map(outcomeOf)), ["REFUSED not-applied", "applied"]);
      for (const message of ["=a", "=b", "=c"]) strictEqual(await next.frame(), message);
      next.send(".+3");
      strictEqual(await outcomeOf(sent[2] ?? Promise.reject(new Error())), "applied");
    },
  },
  {
    name: "messages with numbers below the record's floor reject with UNKNOWN",
    async run(trial) {
      const { server, peer, sent } = await sending(trial, ["a", "b"]);
      const { next } = await nextConnection(server, peer);
      next.hello({ resumed: true, record: true, settled: 2, floor: 2, mark: 7 });
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["UNKNOWN unknown", "applied"]);
    },
  },
  {
    name: "forgotten: messages that an earlier connection sent reject with UNKNOWN, the others are sent again under the new mark",
    async run(trial) {
      const { server, peer, sent, client } = await sending(trial, ["a"]);
      const { next } = await nextConnection(server, peer);
      strictEqual(await next.frame(), "=a");
      next.hello({ resumed: true, mark: 7 });
      const second = client.send("b");
      strictEqual(await next.frame(), "=b");
      next.send(".f99");
      const again = await next.attach();
      deepStrictEqual([again.from, again.known, again.mark, again.at], [2, 0, 99, undefined]);
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["UNKNOWN unknown"]);
      strictEqual(await next.frame(), "=b");
      next.hello({ resumed: true, mark: 99 });
      next.send(".+2");
      strictEqual(await outcomeOf(second), "applied");
    },
  },
  {
    name: "SESSION_LOST: no message for the old session is handled in another session",
    async run(trial) {
      const { server, peer, sent, client, id, until } = await sending(trial, ["a"]);
      peer.cut();
      await until("status", ({ status }) => status === "waiting");
      const queued = client.send("b");
      const next = await server.peer();
      const attach = await next.attach();
      strictEqual(attach.session, "s1");
      next.hello({ session: "s2", at: { offset: 3, chain: 1 } });
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["SESSION_LOST unknown"]);
      strictEqual((await outcomeOf(queued)).startsWith("SESSION_LOST"), true);
      const third = client.send("c");
      const again = await next.attachAfter(["=a", "=b"]);
      deepStrictEqual([again.session, again.from, again.known, again.client === id], ["s2", 1, 0, false]);
      next.hello({ session: "s2" });
      strictEqual(await next.frame(), "=c");
      next.send(".+1");
      strictEqual(await outcomeOf(third), "applied");
    },
  },
  {
    name: "carryOver: messages that were never sent go to the new session, messages that were sent do not",
    async run(trial) {
      const server = await trial.listen();
      const { client, until } = trial.connect(server, { carryOver: true });
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      await until("status", ({ status }) => status === "live");
      const sent = Array.from({ length: 40 }, (_, index) => client.send(`${index + 1}`));
      peer.cut();
      const next = await server.peer();
      await next.attach();
      next.hello({ session: "s2" });
      // The first connection had at most 48 unsettled messages. The second connection sends at most 32 messages together with
      // attach.
      strictEqual(await outcomeOf(sent[0] ?? Promise.resolve()), "SESSION_LOST unknown");
      await next.roundTrip();
      const late = client.send("late");
      const attach = await next.attachAfter(Array.from({ length: 40 }, (_, index) => `=${index + 1}`));
      strictEqual(attach.session, "s2");
      next.hello({ session: "s2" });
      strictEqual(await next.frame(), "=late");
      next.send(".+1");
      strictEqual(await outcomeOf(late), "applied");
    },
  },
  {
    name: "rolledBack: the client reports that the store has lost acknowledged numbers",
    async run(trial) {
      const { peer, sent, of } = await sending(trial, ["a", "b", "c"]);
      peer.send(".+3");
      await Promise.all(sent);
      peer.send(".s1");
      await peer.roundTrip();
      deepStrictEqual(of("rolledBack"), [{ from: 2, to: 3 }]);
    },
  },
  {
    name: "a message rejects with UNKNOWN after five connections without progress, and the next message follows",
    async run(trial) {
      const { server, peer, sent, client } = await sending(trial, ["poison"]);
      let last = peer;
      for (let round = 1; round < 5; round += 1) {
        const { next, attach } = await nextConnection(server, last);
        strictEqual(attach.from, 1);
        strictEqual(await next.frame(), "=poison");
        next.hello({ resumed: true, mark: 7 });
        last = next;
      }
      const { attach } = await nextConnection(server, last);
      strictEqual(attach.from, 2);
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["UNKNOWN unknown"]);
      strictEqual(client.status, "connecting");
    },
  },
  {
    name: "a server that closes with 4503 before hello, because it is busy or its store is away, fails no message",
    async run(trial) {
      const { server, peer, sent } = await sending(trial, ["kept"]);
      let last = peer;
      for (let round = 0; round < 8; round += 1) {
        const { next } = await nextConnection(server, last);
        strictEqual(await next.frame(), "=kept");
        next.socket.close(4503);
        last = next;
      }
      const { next } = await nextConnection(server, last);
      strictEqual(await next.frame(), "=kept");
      next.hello({ resumed: true, mark: 7 });
      next.send(".+1");
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["applied"]);
    },
  },
  {
    name: "TOO_LARGE: a message that is too long for the server is not sent, and another attach continues with the next number",
    async run(trial) {
      const server = await trial.listen();
      const { client } = trial.connect(server);
      const [small, large, last] = [client.send("a"), client.send("x".repeat(100)), client.send("c")];
      const peer = await server.peer();
      await peer.attach();
      peer.hello({ maxMessage: 100 });
      strictEqual(await outcomeOf(large), "TOO_LARGE not-applied");
      strictEqual(await peer.frame(), "=a");
      const attach = await peer.attach();
      deepStrictEqual([attach.from, attach.at], [3, undefined]);
      peer.hello({ maxMessage: 100 });
      strictEqual(await peer.frame(), "=c");
      peer.send(".+3");
      deepStrictEqual([await outcomeOf(small), await outcomeOf(last)], ["applied", "applied"]);
    },
  },
  {
    name: "a message has the content of the call of send, even if the caller's array changes later",
    async run(trial) {
      const server = await trial.listen();
      const { client } = trial.connect(server);
      const bytes = Uint8Array.from([1, 2, 3]);
      const sent = client.send(bytes);
      bytes.fill(9);
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      const frame = await peer.frame();
      deepStrictEqual(typeof frame === "string" ? frame : [...frame.subarray(1)], [1, 2, 3]);
      peer.send(".+1");
      await sent;
    },
  },
  {
    name: "close code 1009: the longest message in flight rejects with TOO_LARGE, and the others are sent again",
    async run(trial) {
      const { server, peer, sent } = await sending(trial, ["a", "x".repeat(90), "c"]);
      peer.socket.close(1009);
      const next = await server.peer();
      strictEqual((await next.attach()).from, 1);
      strictEqual(await next.frame(), "=a");
      next.hello({ resumed: true, mark: 7 });
      strictEqual((await next.attach()).from, 3);
      next.hello({ resumed: true, mark: 7 });
      strictEqual(await next.frame(), "=c");
      next.send(".+3");
      deepStrictEqual(await Promise.all(sent.map(outcomeOf)), ["applied", "TOO_LARGE unknown", "applied"]);
    },
  },
  {
    name: "QUEUE_FULL: over a limit of the queue send rejects, and the queued messages stay",
    async run(trial) {
      const server = await trial.listen();
      const { client } = trial.connect(server, { queue: { maxMessages: 2, maxBytes: 10 } });
      const [first, second, third] = [client.send("é"), client.send("b"), client.send("c")];
      strictEqual(await outcomeOf(third), "QUEUE_FULL not-applied");
      const peer = await server.peer();
      await peer.attach();
      peer.hello();
      strictEqual(await peer.frame(), "=é");
      strictEqual(await peer.frame(), "=b");
      peer.send(".+2");
      await Promise.all([first, second]);
      strictEqual(await outcomeOf(client.send("ééééé!")), "QUEUE_FULL not-applied");
    },
  },
];
