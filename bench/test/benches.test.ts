import { test } from "vitest";
import { quick } from "./quick.ts";

// These tests check that the benchmarks run, and what they report. No test asserts a time, because times need a person's judgement.
const fields = {
  overhead: ["wsCpuRatio", "uwsCpuRatio", "uwsAsyncCpuRatio", "crosswsCpuRatio", "socketioCpuRatio"],
  broadcast: ["broadcastDeflateCpuRatio", "broadcastCpuRatio"],
  memory: [
    "wsHeapBytes",
    "uwsHeapBytes",
    "wsRssBytes",
    "uwsRssBytes",
    "mapHeapBytes",
    "redisBytes",
    "redisBytesLarge",
    "redisBytesLargeListpack",
    "connectRedisBytes",
    "connectRedisBytesLarge",
  ],
  store: ["updateRatio", "vsConnectRedis", "vsConnectRedisCpu", "hotSessionUpdates", "commandsPerRead"],
  resume: [
    "resumeP50VsSocketio",
    "resumeP99VsSocketio",
    "resumeIdleP50VsSocketio",
    "resumeIdleP99VsSocketio",
  ],
  messages: [
    "framedCpuRatio",
    "framedUwsCpuRatio",
    "framedUwsFloorCpuRatio",
    "framedHeapBytes",
    "sendVsSocketio",
    "sendCommands",
    "replayP50VsSocketio",
    "emptyReplayP50VsSocketio",
    "replayFloorP50VsSocketio",
    "replayTwoReadsP50VsSocketio",
    "outboxBytes",
    "clientBytes",
    "socketioClientBytes",
    "reconnectingWebsocketBytes",
  ],
  deploy: ["deployLost", "deployDoubled", "deployGapP99Ms", "deployBusiestTenth"],
  kick: ["kickP99Ms", "kick1000Ms"],
  presence: ["told1000P99Ms", "watchedBytes"],
  scale: [
    "sessionsGrowth",
    "processesGrowth",
    "connectionsGrowth",
    "bareConnectionsGrowth",
    "live",
    "liveUws",
    "liveUwsP99Ms",
    "busMessages",
    "redisMegabytesAt200",
    "sweepReadsAt200",
  ],
};

test.concurrent.for(Object.entries(fields))(
  "bench:%s measures each figure it is for",
  { timeout: 420_000 },
  async ([bench, names], { expect }) => {
    const result = await quick(bench);
    const missing = names.filter((name) => !Number.isFinite(result[name]));
    expect(missing).toEqual([]);
    // What does not depend on the machine is right in the quick form too.
    if (bench !== "store") return;
    expect(result["commandsPerRead"]).toBe(0);
    expect(result["hotSessionUpdates"]).toBeLessThanOrEqual(0.02);
  },
);
