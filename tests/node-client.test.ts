import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { delay, Journal } from "@wsession/conformance";
import { createSessions, mapStore } from "@wsession/core";
import { expect, test } from "vitest";
import { runtimeNames, serve } from "./runtimes.ts";

const CLIENT = fileURLToPath(new URL("node-client.mjs", import.meta.url));
const run = promisify(execFile);

test.each(runtimeNames)(
  "%s: Node's own WebSocket sends in the tick of its open, and every message is answered in order with its session",
  async (runtime) => {
    const closed = new Journal();
    const sessions = createSessions({
      store: mapStore(),
      async initial() {
        await delay(20);
        return { n: 0 };
      },
    });
    const server = await serve(runtime, sessions, {
      open: () => delay(20),
      async message(connection, data) {
        const { n } = await connection.session.update((before) => ({ n: before.n + 1 }));
        connection.send(typeof data === "string" ? `${n} ${data}` : data);
      },
      close: (connection, { code, reason }) => closed.note(`${code} ${reason} ${connection.session.data.n}`),
    });
    const url = `ws://127.0.0.1:${server.port}`;
    // Node 20 has it behind this flag, later ones without.
    const { stdout } = await run(process.execPath, ["--experimental-websocket", CLIENT, url, "a", "ü", "🎈"]);
    expect(JSON.parse(stdout)).toEqual({
      got: ["1 a", "2 ü", "3 🎈", "bytes 1,2,3"],
      protocol: "chat",
      code: 4321,
      reason: "done",
      wasClean: true,
    });
    await closed.until(1);
    expect(closed.entries).toEqual(["4321 done 4"]);
  },
);
