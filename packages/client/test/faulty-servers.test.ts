/** Servers and WebSocket classes that do what no correct one does: the client reports it, loses nothing and does not throw. */
import { MAX_NUMBER } from "@wsession/protocol";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { client, listen } from "./support.ts";
import type { Watched } from "./support.ts";
import type { ScriptedPeer, ScriptedServer } from "@wsession/conformance";

async function live(
  options?: Parameters<typeof client>[1],
): Promise<Watched & { readonly server: ScriptedServer; readonly peer: ScriptedPeer }> {
  const server = await listen();
  const watched = client(server, options);
  const peer = await server.peer();
  await peer.attach();
  peer.hello();
  await watched.until("status", ({ status }) => status === "live");
  return { ...watched, server, peer };
}

test("a hello with a value nested 200,000 deep ends the client with 4400, and no error is thrown", async () => {
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", onUncaught);
  onTestFinished(() => void process.off("uncaughtException", onUncaught));
  const server = await listen();
  const { until } = client(server);
  const peer = await server.peer();
  await peer.attach();
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  peer.send(
    `.h{"v":1,"session":"s1","lasting":true,"resumed":false,"mode":"message","record":false,"settled":0,"refused":"0","floor":0,"mark":0,"at":[0,"000000"],"missed":${deep},"beatMs":0,"maxMessage":9,"acks":false,"protocol":""}`,
  );
  expect(await until("closed")).toMatchObject({ code: 4400, why: "protocol" });
  expect(uncaught).toEqual([]);
});

test("a server that requires one attach after the other gets at most eight, and the client continues on a new connection", async () => {
  const { server, peer, client: one, of } = await live();
  const sent = one.send("a");
  expect(await peer.frame()).toBe("=a");
  for (let attaches = 1; attaches < 8; attaches += 1) {
    peer.send(".s0");
    await peer.attach();
    peer.hello();
    expect(await peer.frame()).toBe("=a");
  }
  for (let more = 0; more < 3; more += 1) peer.send(".s0");
  const next = await server.peer();
  await next.attach();
  expect(peer.untaken).toEqual([]);
  next.hello({ resumed: true });
  expect(await next.frame()).toBe("=a");
  next.send(".+1");
  await sent;
  expect(of("closed")).toEqual([]);
});

test("binary messages in an ArrayBuffer of another realm, as under jsdom, arrive and count", async () => {
  const ForeignBuffer = runInNewContext("ArrayBuffer") as ArrayBufferConstructor;
  class OfAnotherRealm extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage")!;
      Object.defineProperty(this, "onmessage", {
        set: (listener: (event: { readonly data: unknown }) => void) => {
          set!.call(this, ({ data }: { readonly data: string | ArrayBuffer }) => {
            if (typeof data === "string") return listener({ data });
            const buffer = new ForeignBuffer(data.byteLength);
            new Uint8Array(buffer).set(new Uint8Array(data));
            listener({ data: buffer });
          });
        },
      });
    }
  }
  const { peer, of } = await live({ WebSocket: OfAnotherRealm });
  peer.kept(1, new Uint8Array([1, 2, 3]));
  peer.kept(2, "b");
  await peer.roundTrip();
  expect(of("message").map(({ data, offset }) => [offset, data])).toEqual([
    [1, new Uint8Array([1, 2, 3])],
    [2, "b"],
  ]);
});

test("sendNow throws TOO_LARGE for a message that the server would answer with 1009, and sends nothing", async () => {
  const server = await listen();
  const { client: one, until } = client(server);
  const peer = await server.peer();
  await peer.attach();
  peer.hello({ maxMessage: 6 });
  await until("status", ({ status }) => status === "live");
  const tooLarge = { code: "TOO_LARGE", outcome: "not-applied" };
  // The lead of the frame is one byte.
  for (const message of ["123456", "éé12", new Uint8Array(6)])
    expect(() => one.sendNow(message)).toThrow(expect.objectContaining(tooLarge));
  for (const message of ["12345", "éé1", new Uint8Array(5)]) expect(one.sendNow(message)).toBe(true);
  expect([await peer.frame(), await peer.frame()]).toEqual(["-12345", "-éé1"]);
  expect(await peer.frame()).toHaveLength(6);
  peer.cut();
  await until("status", ({ status }) => status === "waiting");
  expect(one.sendNow("123456")).toBe(false);
});

test("sendNow sends a message of any length to a server without the protocol", async () => {
  const server = await listen();
  const other = await listen({ choose: ([first = ""]) => first });
  const urls = [server.url];
  const { client: one, until } = client(server, {}, () => urls.shift() ?? other.url);
  const peer = await server.peer();
  await peer.attach();
  peer.hello({ maxMessage: 6 });
  await until("session");
  peer.cut();
  const plain = await other.peer();
  await expect.poll(() => one.status === "live" && one.session === undefined).toBe(true);
  expect(one.sendNow("1234567")).toBe(true);
  expect(await plain.frame()).toBe("1234567");
});

test.each([
  ...[
    "",
    "x",
    ".",
    "=",
    "=zzzzzz",
    "=12345",
    ".h",
    ".h[]",
    ".h{",
    '.h{"v":2}',
    ".+",
    ".+-1",
    ".+1e3",
    ".+ 1",
    ".+01",
  ],
  ...[
    ".+9",
    `.+${MAX_NUMBER}`,
    `.+${MAX_NUMBER}0`,
    ".!9{}",
    '.!9{"code":"x"}',
    '.!1{"code":5}',
    ".!{",
    ".!1",
  ],
  ...[
    ".>",
    ".>1",
    ".>1 x",
    ".>1 000000 1",
    ".>1 000000 1 000000 1",
    ".>-1 000000",
    ".x{}",
    '.x{"from":1,"to":-1}',
  ],
  ...[
    ".@",
    ".@1",
    ".@1 000000 2",
    ".s",
    ".s-1",
    ".f",
    ".f2147483648",
    ".n",
    ".n[]",
    '.n{"token":5}',
    ".g",
    ".g1.5",
  ],
])("the malformed frame %j ends the client with 4400, and every promise settles", async (frame) => {
  const { peer, client: one, until } = await live();
  const sent = one.send("a").catch(({ code, outcome }: { code: string; outcome: string }) => [code, outcome]);
  expect(await peer.frame()).toBe("=a");
  peer.send(frame);
  expect(await until("closed")).toMatchObject({ code: 4400, why: "protocol" });
  expect((await peer.closed).code).toBe(4400);
  expect(await sent).toEqual(["CLOSED", "unknown"]);
});

test.each([
  ...[
    ".z",
    ".zzz{",
    ".n{}",
    '.n{"a":1}',
    ".+0",
    ".@0 000000",
    ".@7 000001",
    ".>0 000000",
    ".s0",
    ".f7",
    ".g999999999999",
  ],
  ...[
    '.x{"from":1,"to":5,"chain":"000001","certain":true}',
    '.x{"from":5,"to":1,"chain":"000001","certain":false}',
  ],
])("the frame %j, though out of turn, loses no message: it is applied once", async (frame) => {
  const { peer, server, client: one, of } = await live();
  const sent = one.send("a");
  expect(await peer.frame()).toBe("=a");
  peer.send(frame);
  await peer.roundTrip();
  peer.cut();
  const next = await server.peer();
  await next.attach();
  expect(await next.frame()).toBe("=a");
  next.hello({ resumed: true, mark: frame === ".f7" ? 7 : 0 });
  next.send(".+1");
  await sent;
  expect(next.untaken).toEqual([]);
  expect(of("closed")).toEqual([]);
});
