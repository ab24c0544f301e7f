import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { bindSessions } from "@wsession/adapter-uws";
import { Client, RawClient } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import uWS from "uWebSockets.js";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "./servers.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("fault E6: a route is bound again once its binding was closed; in between it refuses every client", async () => {
  const app = uWS.App();
  onTestFinished(() => void app.close());
  let port = 0;
  for (const round of ["one", "two", "three"]) {
    const sessions = createSessions({ initial: () => ({ round }) });
    const binding = bindSessions(app, "/*", sessions, {
      open: (connection) => connection.send(connection.session.data.round),
    });
    expect(() => bindSessions(app, "/*", sessions, {})).toThrow("bound already");
    if (port === 0) port = await listen(app);
    const client = await Client.connect(`ws://127.0.0.1:${port}/`);
    expect(await client.next()).toBe(round);
    await (round === "two" ? sessions.close() : binding.close());
    await client.closed;
    const refused = new RawClient(port);
    onTestFinished(() => refused.destroy());
    refused.upgrade();
    expect((await refused.response).status).toBe(503);
  }
});

test("fault E6: of 50 routes that were bound and closed no binding is kept, though app and sessions live on", async () => {
  const app = uWS.App();
  onTestFinished(() => void app.close());
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  onTestFinished(() => sessions.close());
  const kept: WeakRef<object>[] = [];
  const bindAndClose = async (index: number) => {
    const handlers = { message: () => undefined };
    const found = () => undefined;
    const binding = bindSessions(app, `/${index}`, sessions, handlers, { found });
    kept.push(new WeakRef(handlers), new WeakRef(binding), new WeakRef(found));
    await binding.close();
  };
  for (let index = 0; index < 50; index += 1) await bindAndClose(index);
  await expect
    .poll(() => {
      collect();
      return kept.filter((reference) => reference.deref() !== undefined).length;
    })
    .toBe(0);
});

test("a pattern that is bound already is refused before its route changes: other patterns and other apps can be bound", async () => {
  const app = uWS.App();
  onTestFinished(() => void app.close());
  const sessions = createSessions({ initial: () => ({ n: 0 }) });
  onTestFinished(() => sessions.close());
  bindSessions(app, "/chat", sessions, { open: (connection) => connection.send("first") });
  const others = createSessions({ initial: () => ({ n: 0 }) });
  onTestFinished(() => others.close());
  expect(() =>
    bindSessions(app, "/chat", others, { open: (connection) => connection.send("second") }),
  ).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  bindSessions(app, "/news", others, {});
  const other = uWS.App();
  onTestFinished(() => void other.close());
  bindSessions(other, "/chat", sessions, {});
  const client = await Client.connect(`ws://127.0.0.1:${await listen(app)}/chat`);
  expect(await client.next()).toBe("first");
});
