/** One dialogue between a client and a server, cut at every byte that either of them sends. */
import { createSessions, queryToken, type Sessions } from "@wsession/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../../../packages/store-redis/test/redis-server.ts";
import { openStore } from "../../stores.ts";
import { listen } from "../listen.mjs";
import { groupBy } from "../violations.ts";
import { checkTransactions } from "./checker.ts";
import { transaction } from "./handler.mjs";
import type { PageHistory } from "./history.ts";
import { Network } from "./network.ts";
import { Page } from "./page.ts";
import { storedOf } from "./pages.ts";

type Side = "client" | "server";

/** The number of dialogues at a time. */
const AT_ONCE = 12;
/** About the bytes of the handshake on either side. Only every 16th boundary in it is cut, unless all are asked for. */
const HANDSHAKE_BYTES = 256;
const STEP = process.env["WSESSION_FAULTS_OPS"] === undefined ? 16 : 1;

async function start(runtime: "ws" | "uws") {
  const store = openStore("map", 0);
  const sessions = createSessions<object>({
    store,
    token: queryToken(),
    initial: () => ({}),
    // Handlers fail here if a message asks for it.
    onError: () => undefined,
  });
  const server = await listen(runtime, sessions, { transaction });
  onTestFinished(async () => {
    await sessions.close({ drainMs: 0 });
    server.close();
  });
  return { store, sessions, port: server.port };
}

/** A page sends four messages. The handler refuses one of them. Once the four are settled, the page sends two more. */
async function dialogue(
  network: Network,
  sessions: Sessions<object>,
  name: string,
): Promise<{ readonly id: string; readonly token: string; readonly history: PageHistory }> {
  const { session, token } = await sessions.create({});
  const { id } = session;
  const page = new Page({ name, session: id, token, port: network.port, attempts: 5 });
  await Promise.all([page.send("add"), page.send("refuse"), page.send("add"), page.send("idle")]);
  await Promise.all([page.send("add"), page.send("fail")]);
  await until(() => page.isAnswered);
  await page.close();
  return { id, token, history: page.history() };
}

describe.each(["ws", "uws"] as const)("a dialogue with a server on %s", (runtime) => {
  test("I21 I22 I23 is cut at every byte boundary: each message counts once and gets one answer", async () => {
    const { store, sessions, port } = await start(runtime);
    const whole = await Network.to([port]);
    onTestFinished(() => whole.stop());
    await dialogue(whole, sessions, "whole");
    const cuts: { readonly side: Side; readonly bytes: number }[] = [];
    for (const side of ["client", "server"] as const)
      for (let bytes = 0; bytes < whole.counts[side]; bytes += bytes < HANDSHAKE_BYTES ? STEP : 1)
        cuts.push({ side, bytes });

    const done: Awaited<ReturnType<typeof dialogue>>[] = [];
    let connections = 0;
    const lane = async (): Promise<void> => {
      const network = await Network.to([port]);
      for (let cut = cuts.pop(); cut !== undefined; cut = cuts.pop()) {
        const { side, bytes } = cut;
        network.set({ type: "cut-after", side, bytes });
        done.push(await dialogue(network, sessions, `${side}${bytes}`));
      }
      connections += network.counts.connections;
      await network.stop();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));

    const histories = done.map(({ history }) => history);
    const stored = await storedOf(store, done, async (question) => question());
    expect(checkTransactions(histories, stored)).toEqual([]);
    // Each dialogue was cut once, or was over before.
    expect(connections).toBeGreaterThan(done.length * 1.9);
    const ends = groupBy(
      histories.flatMap(({ events }) => events),
      (event) => (event.type === "rejected" ? event.code : event.type),
    );
    expect(ends.get("resolved")).toHaveLength(done.length * 4);
    expect(ends.get("UNKNOWN")).toBeUndefined();
    // Hundreds of dialogues: 60 seconds were too short on a busy machine.
  }, 240_000);
});
