import type { SendOutcome } from "@wsession/core";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import type { FramedPeer } from "../framed-peer.ts";
import { attachedPeer, framedServer } from "../framed-server.ts";
import type { Conn } from "../framed-server.ts";
import { macrotask } from "../waiting.ts";

/** Texts whose frames differ in their bytes for each character, in the end of a buffer of some adapter, or in the way they are sent. */
const MESSAGES: ReadonlyArray<string | Uint8Array> = [
  "",
  "x",
  "\u0000",
  "é",
  "\ufeffmark",
  "€uro",
  "\u{1f600}",
  "nice\ud83d",
  "\ude00, and \u{1f600}",
  "=x",
  Buffer.of(1, 2, 3),
  ".?",
  new Uint8Array(0),
  ...[510, 511, 512, 16_382, 16_383, 16_384, 16_385, 100_000, 300_000].map((length) => "a".repeat(length)),
  ...[128, 4_095, 4_096].map((length) => "\u{1f600}".repeat(length)),
  `${"a".repeat(16_381)}\u{1f600}`,
  `${"a".repeat(16_382)}\ud83d`,
  "€".repeat(16_000),
  "the last",
];

/** A message as it arrives: bytes as a Buffer, and text with U+FFFD in place of half of a surrogate pair. */
const arriving = (message: string | Uint8Array): string | Buffer =>
  typeof message === "string" ? message.toWellFormed() : Buffer.from(message);

async function plainMessages(peer: FramedPeer, count: number): Promise<Array<string | Buffer>> {
  const messages: Array<string | Buffer> = [];
  while (messages.length < count) messages.push(arriving((await peer.until("plain")).message));
  return messages;
}

/** A text that differs in each of its parts from the text of any other number. */
const numbered = (number: number): string => `${number} `.repeat(5_000).slice(0, 10_000);

/** Sends numbered texts until the outcome is "queued". Returns how many were sent. */
async function sendUntilQueued(connection: Conn): Promise<number> {
  for (let number = 0; number < 4_000; number += 1) {
    const outcome: SendOutcome = connection.send(numbered(number));
    if (outcome === "queued") return number + 1;
    expect(outcome).toBe("sent");
    if (number % 64 === 0) await macrotask();
  }
  return expect.fail("the kernel takes all data");
}

/** The messages that `connection.send` sends to a client of v1.wsession. */
export const plainCases: readonly AdapterCase[] = [
  {
    name: "each message of send reaches a client of v1.wsession unchanged, of any characters and any size, many in one turn or one in each turn",
    async run(trial) {
      const setting = await framedServer(
        trial,
        {},
        { message: (connection) => MESSAGES.forEach((message) => connection.send(message)) },
      );
      const { peer } = await attachedPeer(setting);
      const expected = MESSAGES.map(arriving);
      peer.sendPlain("send all of them");
      expect(await plainMessages(peer, MESSAGES.length)).toEqual(expected);
      const [connection = expect.unreachable()] = setting.opened.entries;
      for (const message of MESSAGES) {
        await macrotask();
        connection.send(message);
      }
      expect(await plainMessages(peer, MESSAGES.length)).toEqual(expected);
    },
  },
  {
    name: "a handler that sends to its own client of v1.wsession and to others in turn sends each client its own messages",
    async run(trial) {
      const setting = await framedServer(
        trial,
        {},
        {
          message() {
            for (let number = 0; number < 500; number += 1)
              for (const [index, connection] of setting.opened.entries.entries())
                connection.send(`${number} to client ${index}`);
          },
        },
      );
      const peers = [await attachedPeer(setting), await attachedPeer(setting), await attachedPeer(setting)];
      peers[1]?.peer.sendPlain("send");
      for (const [index, { peer }] of peers.entries())
        expect(await plainMessages(peer, 500)).toEqual(
          Array.from({ length: 500 }, (_, number) => `${number} to client ${index}`),
        );
    },
  },
  {
    name: "messages that wait because a client of v1.wsession does not read arrive unchanged once the client reads",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      const [connection = expect.unreachable()] = setting.opened.entries;
      peer.client.socket.pause();
      const first = await sendUntilQueued(connection);
      const count = first + 50;
      for (let number = first; number < count; number += 1) connection.send(numbered(number));
      peer.client.socket.resume();
      for (let number = 0; number < count; number += 1)
        expect((await peer.until("plain")).message === numbered(number)).toBe(true);
    },
  },
  {
    name: "many messages in one turn to a client of v1.wsession have pings between them",
    async run(trial) {
      const setting = await framedServer(trial);
      const { peer } = await attachedPeer(setting);
      const [connection = expect.unreachable()] = setting.opened.entries;
      let pings = 0;
      peer.client.socket.on("ping", () => (pings += 1));
      for (let number = 0; number < 100; number += 1) connection.send(numbered(number));
      await plainMessages(peer, 100);
      await peer.client.roundTrip();
      // A ping for each 240,000 of the 1,000,000 bytes.
      expect(pings).toBe(4);
    },
  },
];
