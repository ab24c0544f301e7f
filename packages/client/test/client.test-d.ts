import { connect, isClientError, tokenInMemory, tokenInStorage } from "@wsession/client";
import type { Client, ClientEvents, ClientOptions, TransactionRefused } from "@wsession/client";
import { expectTypeOf, test } from "vitest";
import WS, { WebSocket as Named, WebSocketServer } from "ws";

declare const client: Client;

test("the classes of browsers and of ws, and subclasses of it, are WebSocket classes", () => {
  class Mine extends WS {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols, { headers: { cookie: "a=b" } });
    }
  }
  expectTypeOf(connect("wss://x", { WebSocket: WS })).toEqualTypeOf<Client>();
  connect("wss://x", { WebSocket: Named });
  connect("wss://x", { WebSocket: Mine });
  connect("wss://x", { WebSocket });
  // @ts-expect-error -- a server is none
  connect("wss://x", { WebSocket: WebSocketServer });
});

test("addresses are text, URL, location, and functions that give one, now or later", () => {
  expectTypeOf(connect({ href: "wss://x" })).toEqualTypeOf<Client>();
  connect(new URL("wss://x"), { storage: sessionStorage, token: tokenInStorage(localStorage) });
  connect(location);
  connect(async () => "wss://x");
  connect(() => new URL("/live", location.href));
  // @ts-expect-error -- no address
  connect(5);
});

test("events have the types of their names", () => {
  expectTypeOf(client.send("x")).toEqualTypeOf<Promise<void>>();
  expectTypeOf(client.sendNow(new Uint8Array())).toEqualTypeOf<boolean>();
  client.on("message", ({ data, replayed, offset }) => {
    expectTypeOf(data).toEqualTypeOf<string | Uint8Array>();
    expectTypeOf(replayed).toEqualTypeOf<boolean>();
    expectTypeOf(offset).toEqualTypeOf<number | undefined>();
  });
  client.on("status", ({ status, retryInMs, code }) => {
    if (status === "waiting") expectTypeOf(retryInMs).toEqualTypeOf<number>();
    if (status === "closed") expectTypeOf(code).toEqualTypeOf<number>();
    // @ts-expect-error -- there is none while it is live
    retryInMs.toFixed();
  });
  client.on("missed", ({ from, to, certain }) => {
    expectTypeOf(to - from).toEqualTypeOf<number>();
    expectTypeOf(certain).toEqualTypeOf<boolean>();
  });
  expectTypeOf(client.on("closed", ({ why }) => why)).toEqualTypeOf<() => void>();
  function log<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void {
    void [type, event];
  }
  for (const type of ["session", "missed"] as const) client.on(type, (event) => log(type, event));
  // @ts-expect-error -- misspelt
  client.on("mesage", () => undefined);
  // @ts-expect-error -- data is text or bytes
  void client.send({ bid: 40 });
});

test("options are checked, and errors narrow by their code", () => {
  const options: ClientOptions = { silenceMs: 45_000, carryOver: true, token: tokenInMemory() };
  connect("wss://x", options);
  // @ts-expect-error -- misspelt
  connect("wss://x", { carryover: true });
  const error: unknown = new Error("x");
  if (isClientError(error, "SESSION_LOST")) expectTypeOf(error.code).toEqualTypeOf<"SESSION_LOST">();
  if (isClientError(error)) expectTypeOf(error.outcome).toEqualTypeOf<"not-applied" | "unknown">();
  expectTypeOf<TransactionRefused["outcome"]>().toEqualTypeOf<"not-applied">();
});
