import { expect, test } from "vitest";
import { client, listen } from "./support.ts";

test("a client attaches, is live after hello, sends and receives", async () => {
  const server = await listen();
  const { client: one, of, until } = client(server);
  expect(one.status).toBe("connecting");
  const sent = one.send("first");
  const peer = await server.peer();
  expect(peer.offered.slice(0, 2)).toEqual(["none.v1.wsession", "v1.wsession"]);
  const attach = await peer.attach();
  expect(attach).toMatchObject({
    session: undefined,
    from: 1,
    known: 0,
    mark: 0,
    at: undefined,
    fresh: true,
  });
  peer.hello({ at: { offset: 4, chain: 9 }, last: 5 });
  expect(await peer.frame()).toBe("=first");
  peer.send(".+1");
  await sent;
  peer.kept(12, "five");
  peer.kept(13, new Uint8Array([1, 2]));
  peer.send("-plain");
  await until("message", ({ data }) => data === "plain");
  expect(of("message")).toEqual([
    { data: "five", offset: 5, replayed: true },
    { data: new Uint8Array([1, 2]), offset: 6, replayed: false },
    { data: "plain", offset: undefined, replayed: false },
  ]);
  expect(one.sendNow("now")).toBe(true);
  expect(await peer.frame()).toBe("-now");
  await one.close();
  expect(await peer.frame()).toBe(".b");
  expect((await peer.closed).code).toBe(1000);
});

test("a client comes back with its session, its position and its unsettled messages", async () => {
  const server = await listen();
  const { client: one, until } = client(server);
  const first = await server.peer();
  const { client: id } = await first.attach();
  first.hello();
  const sent = one.send("a");
  expect(await first.frame()).toBe("=a");
  first.kept(7, "x");
  await until("message");
  first.cut();
  const second = await server.peer();
  expect(await second.attach()).toMatchObject({
    client: id,
    session: "s1",
    from: 1,
    at: { offset: 1, chain: 7 },
    fresh: false,
  });
  expect(await second.frame()).toBe("=a");
  second.hello({ record: true, settled: 1, resumed: true, at: { offset: 1, chain: 7 } });
  await sent;
});
