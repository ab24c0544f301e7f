import { Deferred } from "./kit/deferred.ts";
import { MESSAGE } from "./kit/load.ts";
import { openMany, RawConnection } from "./kit/raw-connection.ts";
import { startRedis } from "./kit/redis.ts";
import type { RedisServer } from "./kit/redis.ts";
import { progress, readOptions, report, single } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";
import { ServerProcess } from "./kit/server-process.ts";
import { ratio } from "./kit/stats.ts";
import { transactions } from "./messages/transactions.ts";
import { clientBytes } from "./messages/client-bytes.ts";
import { framedEcho } from "./messages/framed-echo.ts";
import { framedPeer, type Peer, socketioPeer } from "./messages/peers.ts";
import { FLOOR_FIELDS, floorReplays, ownReplays, REPLAY_FIELDS } from "./messages/replays.ts";
import { close, type Side } from "./messages/side.ts";

// The cost of kept messages, compared with Socket.IO's recovery on Redis Streams, and the cost of a frame of v1.wsession, compared with a
// raw frame.

const options = readOptions();
const ROUNDS = options.quick ? 2 : Math.max(4, Math.round(20 * options.rounds));
const CONNECTIONS = options.quick ? 8 : 64;
const ECHOES = options.quick ? 2_000 : 15_000;
const CLIENTS = options.quick ? 10 : 200;
const KEPT = options.quick ? 500 : 20_000;
const IDLE = options.quick ? 200 : 2_000;
const RETURNS = options.quick ? 4 : Math.max(40, Math.round(200 * options.rounds));
const BYTES_OF_TEXT = 100;
const BYTES_MESSAGES = 10;

const figures: Figure[] = [];
/** Whether any of the figures that one measurement yields is requested. */
const isWanted = (...fields: readonly string[]): boolean =>
  options.only.length === 0 || fields.some((field) => options.only.includes(field));

/** Heap that a connection takes in its server's process, in bytes. */
async function heapOf(open: (port: number) => Promise<RawConnection>): Promise<number> {
  const server = await ServerProcess.start("messages-wsession", {
    args: ["0", "ws"],
    execArgv: ["--expose-gc"],
  });
  const heap = async (): Promise<number> => (await server.ask("memory"))["heapUsed"] ?? Number.NaN;
  try {
    // Do not count the code that the first connections load and compile. V8 compiles for the first few thousand.
    const first = await openMany(IDLE, () => open(server.port));
    const before = await heap();
    const others = await openMany(IDLE, () => open(server.port));
    const bytes = ((await heap()) - before) / IDLE;
    for (const connection of [...first, ...others]) connection.destroy();
    return bytes;
  } finally {
    await server.stop();
  }
}

/** A raw connection over which one message went each way, as attach and hello do. */
async function echoed(port: number): Promise<RawConnection> {
  const answered = new Deferred<void>();
  const connection = await RawConnection.open({ port }, (raw) => {
    raw.onMessage = () => answered.resolve();
  });
  connection.send(MESSAGE);
  await answered.promise;
  return connection;
}

async function framedHeap(): Promise<void> {
  const framed = await heapOf(async (port) => (await framedPeer(port, undefined, false)).connection);
  const raw = await heapOf((port) => RawConnection.open({ port }));
  const used = await heapOf(echoed);
  figures.push(
    {
      field: "framedHeapBytes",
      what: "heap of a live connection over v1.wsession, beyond that of a raw one (ws, mapStore)",
      value: single(framed - raw),
      target: { atMost: 200 },
      digits: 0,
    },
    {
      field: "echoedHeapBytes",
      what: "heap of a raw connection that was sent one message and answered it, beyond that of one without messages",
      value: single(used - raw),
      digits: 0,
    },
  );
}

async function sides(redis: RedisServer): Promise<readonly [Side, Side]> {
  const args = [String(redis.port)];
  const wsession = await ServerProcess.start("messages-wsession", { args });
  const socketio = await ServerProcess.start("messages-socketio", { args });
  return [
    { server: wsession, open: (before) => framedPeer(wsession.port, before, true) },
    { server: socketio, open: (before) => socketioPeer(socketio.port, before) },
  ];
}

/** Messages a second until the store and every client have them. */
async function sendRate({ server }: Side, peers: readonly Peer[], messages: number): Promise<number> {
  let left = messages;
  const all = new Deferred<void>();
  for (const peer of peers) {
    peer.onKept = () => {
      left -= 1;
      if (left === 0) all.resolve();
    };
  }
  const startedAt = performance.now();
  await Promise.all([server.ask("send", JSON.stringify({ messages, perTick: 10 })), all.promise]);
  return (messages / (performance.now() - startedAt)) * 1e3;
}

async function sends([ours, theirs]: readonly [Side, Side]): Promise<void> {
  const [own, others] = [await openPeers(ours), await openPeers(theirs)];
  const rates: [number[], number[]] = [[], []];
  const before = await commandsOf(ours);
  let kept = 0;
  for (let round = -1; round < Math.max(2, ROUNDS / 4); round += 1) {
    const measured = [await sendRate(ours, own, KEPT), await sendRate(theirs, others, KEPT)] as const;
    kept += KEPT;
    if (round < 0) continue;
    rates[0].push(measured[0]);
    rates[1].push(measured[1]);
    progress(`sendVsSocketio ${measured.map((rate) => rate.toFixed(0)).join(" over ")} a second`);
  }
  const sendCommands = ((await commandsOf(ours)) - before) / kept;
  for (const peer of [...own, ...others]) close(peer);
  figures.push(
    {
      field: "sendVsSocketio",
      what: "kept messages a second to connected clients, over Socket.IO with recovery, one room a client",
      value: ratio(rates[0], rates[1]),
      target: { atLeast: 2 },
      digits: 2,
    },
    {
      field: "sendCommands",
      what: "commands sent a kept message, ten a tick",
      value: single(sendCommands),
      target: { atMost: 0.15 },
      digits: 3,
    },
  );
}

async function outboxBytes(redis: RedisServer, [ours]: readonly [Side, Side]): Promise<void> {
  const peer = await ours.open(undefined);
  const keys = async (): Promise<number> => {
    let bytes = 0;
    for (const key of await redis.client.keys(`*{${peer.state.id}}*`))
      bytes += Number(await redis.client.call("memory", "usage", key, "samples", "0"));
    return bytes;
  };
  const before = await keys();
  const text = "x".repeat(BYTES_OF_TEXT);
  await ours.server.ask("sendTo", JSON.stringify({ id: peer.state.id, messages: BYTES_MESSAGES, text }));
  const bytes = (await keys()) - before - BYTES_MESSAGES * BYTES_OF_TEXT;
  close(peer);
  figures.push({
    field: "outboxBytes",
    what: `Redis bytes of ${BYTES_MESSAGES} kept messages of ${BYTES_OF_TEXT} bytes, beyond their text`,
    value: single(bytes),
    target: { atMost: 512 },
    digits: 0,
  });
}

async function openPeers({ open }: Side): Promise<readonly Peer[]> {
  const peers: Peer[] = [];
  for (let number = 0; number < CLIENTS; number += 1) peers.push(await open(undefined));
  return peers;
}

async function commandsOf({ server }: Side): Promise<number> {
  return (await server.ask("commands"))["commands"] ?? Number.NaN;
}

if (isWanted("clientBytes")) figures.push(...(await clientBytes()));
const echoRun = {
  connections: CONNECTIONS,
  echoes: ECHOES,
  starts: options.quick ? 1 : Math.max(2, Math.round(8 * options.rounds)),
  rounds: options.quick ? 2 : 6,
};
if (isWanted("framedCpuRatio")) figures.push(...(await framedEcho("ws", echoRun)));
if (isWanted("framedUwsCpuRatio", "framedUwsFloorCpuRatio")) {
  const echoes = options.quick ? ECHOES : 3 * ECHOES;
  figures.push(...(await framedEcho("uws", { ...echoRun, echoes })));
}
if (isWanted("framedHeapBytes", "echoedHeapBytes")) await framedHeap();
const redis = await startRedis();
try {
  const both = await sides(redis);
  try {
    if (isWanted("outboxBytes")) await outboxBytes(redis, both);
    if (isWanted(...REPLAY_FIELDS)) figures.push(...(await ownReplays(both, RETURNS)));
    if (isWanted(...FLOOR_FIELDS)) figures.push(...(await floorReplays(redis.port, both[1], RETURNS)));
    if (isWanted("sendVsSocketio")) await sends(both);
    if (isWanted("transactionRatio"))
      figures.push(
        ...(await transactions(redis.port, {
          clients: CLIENTS,
          // Many short rounds: the machine's speed changes within seconds, and a pair of long rounds does not run at the same speed.
          messages: KEPT / 4,
          rounds: 2 * ROUNDS,
        })),
      );
  } finally {
    await Promise.all(both.map(({ server }) => server.stop()));
  }
} finally {
  await redis.stop();
}
report("Messages that are kept for a client", figures, options);
