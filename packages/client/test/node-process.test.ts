import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "./support.ts";

/** Runs a program that has `connect`, `WebSocket` and `url`. */
async function run(
  url: string,
  program: string,
  flags: readonly string[] = [],
): Promise<{ readonly code: number; readonly output: string }> {
  const source = `import { connect } from "@wsession/client"; import { WebSocket } from "ws"; const url = ${JSON.stringify(url)}; ${program}`;
  const child = spawn(process.execPath, [...flags, "--input-type=module", "--eval", source], {
    cwd: import.meta.dirname,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

test("an unhandled rejection of send does not end the process, and an awaited send rejects", async () => {
  const server = await listen();
  const program = `
    const client = connect(url, { WebSocket });
    void client.send("a");
    void client.send({});
    const awaited = client.send("b").catch(({ code }) => code);
    await client.close();
    void client.send("c");
    console.log(await awaited);
    await new Promise((resolve) => setTimeout(resolve, 50));
    console.log("still here");`;
  expect(await run(server.url, program)).toEqual({ code: 0, output: "CLOSED\nstill here\n" });
});

test("a closed client does not keep the process alive", async () => {
  const server = await listen();
  const served = server.peer().then(async (peer) => {
    await peer.attach();
    peer.hello();
  });
  const program = `
    setTimeout(() => console.log("late"), 30_000).unref();
    const client = connect(url, { WebSocket });
    client.on("status", ({ status }) => { if (status === "live") void client.close(); });`;
  expect(await run(server.url, program)).toEqual({ code: 0, output: "" });
  await served;
});

test("an error of a listener is thrown in a separate task, and the other listeners get the message", async () => {
  const server = await listen();
  const served = server.peer().then(async (peer) => {
    await peer.attach();
    peer.hello();
    peer.kept(1, "a");
    return peer;
  });
  const program = `
    process.on("uncaughtException", ({ message }) => console.log("caught", message));
    const client = connect(url, { WebSocket });
    client.on("message", () => { throw new Error("mine"); });
    client.on("message", ({ data }) => { console.log(data, client.status); setTimeout(() => client.close(), 20); });`;
  expect((await run(server.url, program)).output).toBe("a live\ncaught mine\n");
  await served;
});

test("Node's own WebSocket works like that of ws: text, bytes, a lost connection and a reconnection", async () => {
  const server = await listen();
  const served = (async () => {
    const first = await server.peer();
    await first.attach();
    first.hello();
    expect(await first.frame()).toBe("=a");
    first.send(".+1");
    first.kept(5, new Uint8Array([1, 2, 3]));
    expect(await first.frame()).toEqual(Buffer.from("=\t"));
    first.cut();
    const second = await server.peer();
    expect((await second.attach()).at).toEqual({ offset: 1, chain: 5 });
    expect(await second.frame()).toEqual(Buffer.from("=\t"));
    second.hello({ resumed: true, record: true, settled: 2, at: { offset: 1, chain: 5 } });
    expect(await second.frame()).toBe(".b");
    expect(await second.closed).toEqual({ code: 4000, reason: "done" });
  })();
  const program = `
    const client = connect(url, { backoff: { minMs: 5 } });
    const received = new Promise((resolve) => client.on("message", ({ data }) => resolve([...data])));
    await client.send("a");
    const bytes = client.send(new Uint8Array([9]));
    console.log(JSON.stringify(await received));
    await bytes;
    await client.close(4000, "done");`;
  // Node 20 has it behind this flag, later ones without.
  const { code, output } = await run(server.url, program, ["--experimental-websocket", "--no-warnings"]);
  expect([code, output]).toEqual([0, "[1,2,3]\n"]);
  await served;
});

test("with Node's own WebSocket a refused connection and a refused handshake end the attempt at once, as with ws", async () => {
  const server = await listen();
  const busy = createServer().on("upgrade", (_, socket) => {
    socket.end("HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\n\r\n");
  });
  onTestFinished(() => void busy.close());
  busy.listen(0, "127.0.0.1");
  await once(busy, "listening");
  const { port } = busy.address() as AddressInfo;
  const served = server.peer().then(async (peer) => {
    await peer.attach();
    peer.hello();
  });
  // Without an end of the attempt the next one would begin after silenceMs.
  const program = `
    const late = setTimeout(() => { console.log("late"); process.exit(); }, 40_000);
    const addresses = ["ws://127.0.0.1:1", "ws://127.0.0.1:${port}"];
    const client = connect(() => addresses.shift() ?? url, { backoff: { minMs: 5 }, silenceMs: 600_000 });
    client.on("status", ({ status, code }) => {
      console.log(status, code);
      if (status !== "live") return;
      clearTimeout(late);
      void client.close();
    });`;
  const { output } = await run(server.url, program, ["--experimental-websocket", "--no-warnings"]);
  expect(output.split("\n")).toEqual([
    ...["waiting 1006", "connecting undefined", "waiting 1006", "connecting undefined", "live undefined"],
    ...["closed 1000", ""],
  ]);
  await served;
});

test("a client that is closed while its address is awaited does not keep the process alive", async () => {
  const program = `
    setTimeout(() => console.log("late"), 30_000).unref();
    const client = connect(() => {
      setImmediate(() => client.close());
      return new Promise(() => {});
    }, { WebSocket });`;
  expect((await run("", program)).output).toBe("");
});
