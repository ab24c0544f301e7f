import { writeCounted } from "@wsession/protocol";
import { Deferred } from "../kit/deferred.ts";
import type { Figure } from "../kit/report.ts";
import { progress } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { ratio } from "../kit/stats.ts";
import { framedPeer, socketioPeer } from "./peers.ts";
import type { Peer } from "./peers.ts";

/** Messages of one client that are not answered yet. Socket.IO's client with `retries` sends one at a time, so that their order stays. */
const WINDOW = { wsession: 8, socketio: 1 };

/** Rounds' worth of messages before the first round: V8 still compiles what handles them. */
const WARM_UP = 8;

export interface TransactionRun {
  readonly clients: number;
  /** Messages in one round. */
  readonly messages: number;
  readonly rounds: number;
}

/** Clients of one server, each with a window of messages that wait for their answer. */
interface Crowd {
  readonly server: ServerProcess;
  readonly peers: readonly Peer[];
  readonly window: number;
  send(peer: Peer): void;
}

/** Sends messages over all connections, and resolves when each was answered. Returns messages a second. */
async function drive({ peers, window, send }: Crowd, messages: number): Promise<number> {
  let unsent = messages;
  let unanswered = messages;
  const all = new Deferred<void>();
  const next = (peer: Peer): void => {
    if (unsent === 0) return;
    unsent -= 1;
    send(peer);
  };
  for (const peer of peers)
    peer.onKept = () => {
      unanswered -= 1;
      if (unanswered === 0) all.resolve();
      else next(peer);
    };
  const startedAt = performance.now();
  for (let turn = 0; turn < window; turn += 1) for (const peer of peers) next(peer);
  await all.promise;
  return (messages / (performance.now() - startedAt)) * 1e3;
}

async function framedCrowd(redisPort: number, handler: string, clients: number): Promise<Crowd> {
  const args = [String(redisPort), handler];
  const server = await ServerProcess.start("transactions-wsession", { args });
  const peers: Peer[] = [];
  for (let number = 0; number < clients; number += 1)
    peers.push(await framedPeer(server.port, undefined, false));
  const frame = String(writeCounted("visit"));
  return { server, peers, window: WINDOW.wsession, send: ({ connection }) => connection.send(frame) };
}

async function socketioCrowd(redisPort: number, clients: number): Promise<Crowd> {
  const server = await ServerProcess.start("transactions-socketio", { args: [String(redisPort)] });
  const peers: Peer[] = [];
  for (let number = 0; number < clients; number += 1) peers.push(await socketioPeer(server.port, undefined));
  let sent = 0;
  return {
    server,
    peers,
    window: WINDOW.socketio,
    send({ connection, state }) {
      sent += 1;
      connection.send(`42${sent}["visit","${state.id}-${sent}"]`);
    },
  };
}

/** CPU of a server's process for one message. */
async function cpuOf(crowd: Crowd, messages: number): Promise<number> {
  const before = await crowd.server.cpu();
  await drive(crowd, messages);
  return ((await crowd.server.cpu()) - before) / messages;
}

/** The cost of a transaction, compared with a handler that awaits an update, and with Socket.IO with its own de-duplication. */
export async function transactions(redisPort: number, run: TransactionRun): Promise<Figure[]> {
  const { clients, messages, rounds } = run;
  const [subject, control, theirs] = await Promise.all([
    framedCrowd(redisPort, "transaction", clients),
    framedCrowd(redisPort, "message", clients),
    socketioCrowd(redisPort, clients),
  ]);
  const costs: [number[], number[]] = [[], []];
  const rates: [number[], number[]] = [[], []];
  for (const crowd of [subject, control, theirs]) await drive(crowd, WARM_UP * messages);
  for (let round = 0; round < rounds; round += 1) {
    const pair = round % 2 === 0 ? [subject, control] : [control, subject];
    for (const crowd of pair) costs[crowd === subject ? 0 : 1].push(await cpuOf(crowd, messages));
    rates[0].push(await drive(subject, messages));
    rates[1].push(await drive(theirs, messages));
    progress(
      `transactions ${(costs[0].at(-1) ?? 0).toFixed(1)} over ${(costs[1].at(-1) ?? 0).toFixed(1)} µs, ` +
        `${(rates[0].at(-1) ?? 0).toFixed(0)} over ${(rates[1].at(-1) ?? 0).toFixed(0)} a second`,
    );
  }
  for (const { server, peers } of [subject, control, theirs]) {
    for (const { connection } of peers) {
      connection.onClose = () => undefined;
      connection.destroy();
    }
    await server.stop();
  }
  return [
    {
      field: "transactionRatio",
      what: "server CPU of a transaction with one change and one answer, over message, await update and send",
      value: ratio(costs[0], costs[1]),
      target: { atMost: 1.2 },
      digits: 2,
    },
    {
      field: "transactionsVsSocketio",
      what: "transactions a second, over Socket.IO with retries, SET NX of each message id, HINCRBY, and recovery of the answer",
      value: ratio(rates[0], rates[1]),
      target: { atLeast: 1.5 },
      digits: 2,
    },
  ];
}
