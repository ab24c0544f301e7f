import { createRequire } from "node:module";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import type { Router } from "../src/trpc.ts";
import { start as startTrpc, startUws as startTrpcOnUws } from "../src/trpc.ts";
import { start as startYjs, startUws as startYjsOnUws } from "../src/yjs.ts";
import { refused, running } from "./support.ts";

const require = createRequire(import.meta.url);
const Y = require("yjs") as typeof import("yjs");
const { WebsocketProvider } = require("y-websocket") as typeof import("y-websocket");

test.each([
  ["ws", startYjs],
  ["uws", startYjsOnUws],
])("Yjs on %s: two clients see each other's changes, and a stranger gets 401", async (runtime, start) => {
  const { port } = await running(start);
  const provide = (user: string) => {
    const doc = new Y.Doc();
    const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, `room-${runtime}`, doc, {
      params: { user },
      WebSocketPolyfill: WebSocket as never,
      disableBc: true,
    });
    onTestFinished(() => provider.destroy());
    return doc.getMap<string>("map");
  };
  const waitFor = (map: ReturnType<typeof provide>, key: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (map.has(key)) resolve();
      };
      map.observe(look);
      look();
    });
  const ada = provide("ada");
  ada.set("greeting", "hello");
  const grace = provide("grace");
  await waitFor(grace, "greeting");
  grace.set("answer", "hi");
  await waitFor(ada, "answer");
  expect(ada.toJSON()).toEqual({ greeting: "hello", answer: "hi" });
  expect(grace.toJSON()).toEqual(ada.toJSON());
  expect(await refused(`ws://127.0.0.1:${port}/room-${runtime}`)).toBe(401);
});

test.each([
  ["ws", startTrpc],
  ["uws", startTrpcOnUws],
])(
  "tRPC 11 on %s: queries, mutations and subscriptions have the session in their context",
  async (_, start) => {
    const { port } = await running(start);
    const client = createWSClient({ url: `ws://127.0.0.1:${port}/?user=ada`, WebSocket: WebSocket as never });
    onTestFinished(() => void client.close());
    const trpc = createTRPCClient<Router>({ links: [wsLink({ client })] });
    expect(await trpc.me.query()).toBe("ada");
    expect([await trpc.click.mutate(), await trpc.click.mutate()]).toEqual([1, 2]);
    const counted: string[] = [];
    await new Promise<void>((resolve, reject) => {
      trpc.count.subscribe(undefined, {
        onData: (text) => void counted.push(text),
        onComplete: resolve,
        onError: reject,
      });
    });
    expect(counted).toEqual(["ada 1", "ada 2", "ada 3"]);
    expect(await refused(`ws://127.0.0.1:${port}/`)).toBe(401);
  },
);
