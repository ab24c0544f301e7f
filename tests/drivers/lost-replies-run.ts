// `npm run test:drivers`: the connection is cut after a command has run and before its reply, for each command of each change, with
// each client library.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newPrefix } from "../stores.ts";
import { type Change, changes, Target } from "./changes.ts";
import { libraries } from "./libraries.ts";
import { type Started, startStore, usable } from "./start-store.ts";
import { type Disposer, type Proxied, useTopologies } from "./topologies.ts";

/** So long that no call ends because of its time. */
const TIMEOUT_MS = 20_000;
/** More than the commands of any change. */
const MOST_COMMANDS = 16;

const topologies = useTopologies();

interface Outcome {
  readonly answer: string;
  readonly state: string;
  /** How many commands of the change the proxies passed on until the change was answered. */
  readonly commands: number;
  readonly hasLost: boolean;
}

/** Makes the change, and loses the reply to its command number `lost`; 0: to none. */
async function made(
  change: Change,
  { disturbed, onlooker, proxied }: Processes,
  lost: number,
): Promise<Outcome> {
  const target = new Target();
  await change.prepare(disturbed.store, target);
  let commands = 0;
  let hasLost = false;
  for (const proxy of proxied.proxies)
    proxy.onCommand = (words) => {
      if (!target.isOf(words) || (commands += 1) !== lost) return false;
      hasLost = true;
      return true;
    };
  const answer = outline(await change.make(disturbed.store, target).catch((error: unknown) => error), target);
  for (const proxy of proxied.proxies) proxy.onCommand = () => false;
  return { answer, state: await stateOf(onlooker, target), commands, hasLost };
}

/** What another process finds. */
async function stateOf({ store }: Started, target: Target): Promise<string> {
  const { id, subject } = target;
  const from = { offset: 0, chain: 0 };
  const state = {
    session: await store.load(id),
    messages: await store.read({ id, from, witness: undefined, maxBytes: 1_000 }),
    connections: (await store.presence(id)).nodes.map(({ connections }) => connections),
    ofSubject: (await store.bySubject(subject)).length,
    current: (await store.resume({ ...RESUME, id, digest: target.nextDigest })).type,
  };
  return outline(state, target);
}

const RESUME = { nextDigest: undefined, subject: undefined, idleMs: 60_000, hold: false, exclusive: false };

/** The value as text, without what differs from run to run: names, random marks, times. */
function outline(value: unknown, target: Target): string {
  const plain =
    value instanceof Error ? { error: String(value), outcome: Reflect.get(value, "outcome") } : value;
  const text = JSON.stringify(plain, (key, member: unknown) => {
    if (RANDOM.has(key) && member !== undefined) return key;
    if (key === "fence") return Number(member) > 0;
    // To seconds: the change is repeated after the connection was made again.
    if (key.endsWith("InMs") && typeof member === "number") return Math.round(member / 10_000);
    return member instanceof Map ? [...member] : member;
  });
  return (text ?? "undefined").replaceAll(target.id, "id").replaceAll(target.subject, "subject");
}

const RANDOM: ReadonlySet<string> = new Set(["lineage", "chain", "chains", "mark", "ended", "others"]);

interface Processes {
  readonly disturbed: Started;
  readonly onlooker: Started;
  readonly proxied: Proxied;
}

const cases = libraries.flatMap((library) =>
  topologies
    .filter((topology) => topology.isProxied(library))
    .map((topology) => ({ name: library.name, library, ...topology })),
);

describe.each(cases)("$name on $topology", ({ library, proxied: startProxies }) => {
  const closing: (() => unknown)[] = [];
  let processes: Processes;

  beforeAll(async () => {
    const disposer: Disposer = { onTestFinished: (close) => void closing.push(close) };
    const proxied = await startProxies(disposer);
    const options = { prefix: newPrefix(), timeoutMs: TIMEOUT_MS };
    const disturbed = startStore(disposer, proxied.open(library), options);
    const onlooker = startStore(disposer, proxied.openDirectly(library), options);
    await Promise.all([disturbed, onlooker].map((process) => usable(process)));
    processes = { disturbed, onlooker, proxied };
  });

  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  });

  test.each(changes)(
    "I10 $name has the same answer as without a fault, and is applied once, whichever of its replies is lost",
    async (change) => {
      const undisturbed = await made(change, processes, 0);
      expect(undisturbed.commands).toBeGreaterThan(0);
      let lostReplies = 0;
      for (let lost = 1; lost <= undisturbed.commands; lost += 1) {
        const { answer, state, hasLost } = await made(change, processes, lost);
        const { answer: expected, state: left } = undisturbed;
        expect({ lost, answer, state }).toEqual({ lost, answer: expected, state: left });
        lostReplies += hasLost ? 1 : 0;
      }
      // A change may be answered before its last commands, which are in the background.
      expect(lostReplies).toBeGreaterThan(0);
      expect(undisturbed.commands).toBeLessThan(MOST_COMMANDS);
    },
  );
});
