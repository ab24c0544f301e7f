import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "@wsession/conformance";
import { createClient } from "graphql-ws";
import type { Client as GraphqlClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { start as startExpress } from "../dist/frameworks/express.js";
import { start as startGraphqlOnUws } from "../dist/frameworks/graphql-ws-uws.js";
import { start as startGraphql } from "../dist/frameworks/graphql-ws.js";

function graphqlClient(url: string, token = ""): GraphqlClient {
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
  });
  onTestFinished(() => client.dispose());
  return client;
}

async function resultsOf(client: GraphqlClient, query: string): Promise<unknown[]> {
  const results: unknown[] = [];
  for await (const { data, errors } of client.iterate({ query })) results.push(errors ?? data);
  return results;
}

test("graphql-ws: connectionParams log in, and each resolver has the session in its context", async () => {
  const server = await startGraphql();
  onTestFinished(() => server.close());
  const client = graphqlClient(server.url, "ada's token");
  expect(await resultsOf(client, "subscription { count(to: 3) }")).toEqual([
    { count: "ada 1" },
    { count: "ada 2" },
    { count: "ada 3" },
  ]);
  // A client without open subscriptions disconnects: `lazy` is its default. So a further operation is a further session.
  expect(await resultsOf(client, "query { me }")).toEqual([{ me: "ada" }]);
});

test("graphql-ws: a client with a wrong token is closed with 4403, and has no session", async () => {
  const server = await startGraphql();
  onTestFinished(() => server.close());
  const client = graphqlClient(server.url, "nobody's token");
  await expect(resultsOf(client, "query { me }")).rejects.toMatchObject({ code: 4403 });
});

test("graphql-ws on uWebSockets.js: useServer has the gated sockets, with their sessions", async () => {
  const server = await startGraphqlOnUws();
  onTestFinished(() => server.close());
  const client = graphqlClient(`${server.url}?user=ada`);
  expect(await resultsOf(client, "subscription { count(to: 2) }")).toEqual([
    { count: "ada 1" },
    { count: "ada 2" },
  ]);
  expect(await resultsOf(client, "query { me }")).toEqual([{ me: "ada" }]);
  const stranger = graphqlClient(server.url);
  await expect(resultsOf(stranger, "query { me }")).rejects.toMatchObject({ type: "error" });
});

test("Express 5: a login over HTTP is the session of the WebSocket, and a logout closes the WebSocket", async () => {
  const { port, close } = await startExpress();
  onTestFinished(close);
  const at = `http://127.0.0.1:${port}`;
  const post = (path: string, headers: Record<string, string>, body?: string) =>
    fetch(at + path, { method: "POST", headers: { origin: at, ...headers }, ...(body && { body }) });
  const login = await post("/login", { "content-type": "application/json" }, JSON.stringify({ name: "ada" }));
  expect(login.status).toBe(204);
  const wrong = await Promise.all([
    post("/login", {}, "name=ada"),
    post("/login", { "content-type": "application/json" }, "{"),
    post("/login", { "content-type": "application/json" }, JSON.stringify({ name: ["ada"] })),
    post("/login", {}),
  ]);
  expect(wrong.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
  const [cookie = ""] = (login.headers.get("set-cookie") ?? "").split(";");
  const client = await Client.connect(`ws://127.0.0.1:${port}/socket`, { headers: { cookie } });
  client.send("click");
  client.send("click");
  expect([await client.next(), await client.next()]).toEqual(["ada: 1", "ada: 2"]);
  const me = await fetch(`${at}/me`, { headers: { cookie } });
  expect(await me.json()).toEqual({ name: "ada", clicks: 2 });
  expect((await post("/logout", { cookie })).status).toBe(204);
  expect((await client.closed).code).toBe(4410);
  expect((await fetch(`${at}/me`, { headers: { cookie } })).status).toBe(401);
});

test("docs/frameworks.md: each program has fewer than 60 lines", async () => {
  const docs = join(import.meta.dirname, "..", "..", "docs");
  const page = await readFile(join(docs, "frameworks.md"), "utf8");
  const links = [...page.matchAll(/\((\.\.\/examples\/(?:frameworks\/)?src\/[^)]+)\)/g)];
  const files = [...new Set(links.map(([, file = ""]) => file))];
  expect(files.length).toBeGreaterThan(14);
  const long = await Promise.all(
    files.map(async (file) => [file, (await readFile(join(docs, file), "utf8")).trim().split("\n").length]),
  );
  expect(long.filter(([, lines]) => Number(lines) >= 60)).toEqual([]);
});
