// Returns of a client that missed messages, over Socket.IO's connection state recovery.
import { setTimeout as wait } from "node:timers/promises";
import { Deferred } from "../kit/deferred.ts";
import type { Figure } from "../kit/report.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { ratio } from "../kit/stats.ts";
import { framedPeer, type Peer } from "./peers.ts";
import { close, type Side, untilDisconnected } from "./side.ts";

export const REPLAY_FIELDS: readonly string[] = ["replayP50VsSocketio", "emptyReplayP50VsSocketio"];
export const FLOOR_FIELDS: readonly string[] = ["replayFloorP50VsSocketio", "replayTwoReadsP50VsSocketio"];

const MISSED = 50;

/** Milliseconds from the attempt to reconnect until the hello and the last missed message have arrived. */
async function replay(
  side: Side,
  peer: Peer,
  missed: number,
): Promise<{ readonly ms: number; readonly peer: Peer }> {
  close(peer);
  await untilDisconnected(side);
  if (missed > 0) await side.server.ask("sendTo", JSON.stringify({ id: peer.state.id, messages: missed }));
  const startedAt = performance.now();
  const back = await side.open(peer.state);
  let left = missed;
  const all = new Deferred<void>();
  const count = (): void => {
    left -= 1;
    if (left === 0) all.resolve();
  };
  // Messages that arrived with the answer to the handshake are counted once the listener is set.
  left -= back.seen;
  back.onKept = count;
  if (left > 0) await all.promise;
  return { ms: performance.now() - startedAt, peer: back };
}

/** The times of returns with a number of missed messages, and the times of the control that follow them. */
interface ReplayKind {
  readonly missed: number;
  readonly own: number[];
  readonly control: number[];
}

const kindOf = (missed: number): ReplayKind => ({ missed, own: [], control: [] });

/** Measures returns of each kind in turn. Each return is followed by a return of the control with all missed messages. */
async function replays(
  ours: Side,
  theirs: Side,
  kinds: readonly ReplayKind[],
  returns: number,
): Promise<void> {
  let [own, other] = [await ours.open(undefined), await theirs.open(undefined)];
  // Socket.IO's client has an offset once it has received a message.
  await theirs.server.ask("sendTo", JSON.stringify({ id: other.state.id, messages: 1 }));
  while (other.state.offset === "") await wait(1);
  // The two servers take turns, so that each return finds the processor's caches as the other server left them.
  for (let round = 0; round < returns; round += 1)
    for (const { missed, own: ownMs, control } of kinds) {
      const mine = await replay(ours, own, missed);
      const its = await replay(theirs, other, MISSED);
      [own, other] = [mine.peer, its.peer];
      ownMs.push(mine.ms);
      control.push(its.ms);
    }
  for (const peer of [own, other]) close(peer);
  await untilDisconnected(ours);
  await untilDisconnected(theirs);
}

export async function ownReplays(
  [ours, theirs]: readonly [Side, Side],
  returns: number,
): Promise<readonly Figure[]> {
  const [withMissed, withNone] = [kindOf(MISSED), kindOf(0)];
  await replays(ours, theirs, [withMissed, withNone], returns);
  return [
    {
      field: "replayP50VsSocketio",
      what: `back with ${MISSED} missed messages, until the last one is there, over Socket.IO's recovery`,
      value: ratio(withMissed.own, withMissed.control),
      target: { atMost: 0.5 },
      digits: 2,
    },
    {
      field: "emptyReplayP50VsSocketio",
      what: "back without missed messages, until hello is there, over the same control",
      value: ratio(withNone.own, withNone.control),
      digits: 2,
    },
  ];
}

/** The times of bare ws servers that send the same messages to the same client, over the same control. */
export async function floorReplays(
  redisPort: number,
  theirs: Side,
  returns: number,
): Promise<readonly Figure[]> {
  const measure = async (reads: "one" | "two"): Promise<ReplayKind> => {
    const server = await ServerProcess.start("replay-floor", { args: [String(redisPort), reads] });
    try {
      const kind = kindOf(MISSED);
      const floor: Side = { server, open: (before) => framedPeer(server.port, before, true) };
      await replays(floor, theirs, [kind], returns);
      return kind;
    } finally {
      await server.stop();
    }
  };
  const [one, two] = [await measure("one"), await measure("two")];
  return [
    {
      field: "replayFloorP50VsSocketio",
      what: `the floor: bare ws that answers 101 at once, and reads ${MISSED} missed messages after the attach`,
      value: ratio(one.own, one.control),
      digits: 2,
    },
    {
      field: "replayTwoReadsP50VsSocketio",
      what: "the same with one HGETALL before the 101, as in the floor of bench:resume",
      value: ratio(two.own, two.control),
      digits: 2,
    },
  ];
}
