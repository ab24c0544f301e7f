// A client that leaves during its login, on Bun.serve. Prints one JSON object: the runtime, what passed, and what went wrong.
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { once } from "node:events";
import { connect } from "node:net";
import process from "node:process";
import { Gap, withGap } from "../held.ts";
import { runtimeName } from "./runtime-name.mjs";

/** The part of Bun's global that this program uses. */
declare const Bun: {
  serve(options: {
    readonly port: number;
    readonly hostname: string;
    readonly fetch: (request: Request) => Promise<Response>;
  }): { readonly port: number };
};

const origin = "https://app.example.com";
const token = cookieToken({ name: "app", secure: false });
const gap = new Gap();
const store = withGap(mapStore(), "create", "after", gap);
const sessions = createSessions<{ readonly n: number }>({ store, token, origins: [origin] });
const http = httpSessions(sessions, { cookie: token });

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const gone = once(request.signal, "abort");
    const login = http.login(request, new Headers(), { n: 1 }, { subject: "ada" });
    await gap.reached;
    client.destroy();
    await gone;
    gap.letGo();
    await login;
    const left = await sessions.bySubject("ada");
    const failures = left.map(({ id }) => ({ name: "a login without a client", reason: `${id} stays` }));
    const result = { runtime: runtimeName(), passed: 1 - failures.length, failures };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
    return new Response();
  },
});
const client = connect(server.port, "127.0.0.1");
client.on("error", () => undefined);
client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: ${origin}\r\nContent-Length: 1\r\n\r\nx`);
