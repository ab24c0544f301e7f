import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { bindSessions as bindUws } from "@wsession/adapter-uws";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { AdapterTrial, Journal } from "@wsession/conformance";
import type { AdapterHarness } from "@wsession/conformance";
import { createSessions, mapStore, protocolToken } from "@wsession/core";
import uWS from "uWebSockets.js";
import { describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { listen } from "../../packages/adapter-uws/test/servers.ts";
import { closeAll } from "../../packages/adapter-ws/test/servers.ts";
import { runtimes, useTrial } from "./support.ts";

/** `everything` is the header with the token as it came, if the runtime shows it to the application. */
type Choose = (offered: readonly string[], everything: string | undefined) => string | undefined;

function harnesses(choose: Choose): readonly AdapterHarness[] {
  return [
    {
      runtime: "ws",
      pauses: true,
      keepsEagerFrames: true,
      async listen(sessions, handlers) {
        const handleProtocols = (
          offered: Set<string>,
          { headers }: { headers: NodeJS.Dict<string | string[]> },
        ) => choose([...offered], String(headers["sec-websocket-protocol"])) ?? false;
        const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols });
        await once(server, "listening");
        const binding = bindWs(server, sessions, handlers);
        const { port } = server.address() as AddressInfo;
        return { port, binding, close: () => closeAll(server, undefined) };
      },
    },
    {
      runtime: "uws",
      pauses: false,
      keepsEagerFrames: false,
      async listen(sessions, handlers) {
        const app = uWS.App();
        const binding = bindUws(app, "/*", sessions, handlers, {
          handleProtocols: (offered, handshake) =>
            choose(offered, handshake.headers["sec-websocket-protocol"]),
        });
        return { port: await listen(app), binding, close: () => void app.close() };
      },
    },
  ];
}

async function answerTo(choose: Choose, index: number, headers: readonly (readonly [string, string])[] = []) {
  const [harness = expect.fail()] = harnesses(choose).slice(index);
  const trial = new AdapterTrial(harness);
  const errors = new Journal<unknown>();
  try {
    const sessions = createSessions({
      store: mapStore(),
      token: protocolToken(),
      initial: () => ({}),
      onError: (error) => errors.note(error),
    });
    const server = await trial.serve(sessions, {});
    const { token } = await sessions.create({});
    const raw = trial.raw(server);
    raw.upgrade({ headers: [["sec-websocket-protocol", `chat, wsession.${token}`], ...headers] });
    const { status, headers: answered } = await raw.response;
    return {
      status,
      token,
      protocol: new Map(answered).get("sec-websocket-protocol"),
      errors: errors.entries.length,
    };
  } finally {
    await trial.dispose();
  }
}

describe.each([
  ["ws", 0],
  ["uws", 1],
])("a choice of the application's own on %s", (_, index) => {
  test("a token is not echoed back as a subprotocol, although the application chooses it from the header of the request", async () => {
    const digging: Choose = (_offered, everything) =>
      everything?.split(", ").find((name) => name.startsWith("wsession."));
    expect(await answerTo(digging, index)).toMatchObject({ status: 101, protocol: undefined });
  });

  test("a subprotocol that was not offered is not chosen (RFC 6455 section 4.2.2)", async () => {
    expect(await answerTo(() => "made-up", index)).toMatchObject({ status: 101, protocol: undefined });
    expect(await answerTo(() => "chat\r\nset-cookie: a=b", index)).toMatchObject({
      status: 101,
      protocol: undefined,
    });
    expect(await answerTo(() => "chat", index)).toMatchObject({ status: 101, protocol: "chat" });
  });

  test("a handleProtocols that throws answers 500 and is reported, so the client does not wait", async () => {
    const thrown: Choose = () => {
      throw new Error("no choice");
    };
    expect(await answerTo(thrown, index)).toMatchObject({ status: 500, errors: 1 });
  });
});

describe.each(runtimes)("on $runtime", (harness) => {
  const trialOf = useTrial(harness);

  test("a handshake that offers a subprotocol twice is refused by ws itself, and accepted by uWebSockets.js", async () => {
    const seen = new Journal<readonly string[]>();
    const sessions = createSessions({
      admit: ({ protocols }) => {
        seen.note(protocols);
        return { type: "accept" };
      },
      initial: () => ({}),
    });
    const raw = trialOf().raw(await trialOf().serve(sessions, {}));
    raw.upgrade({ headers: [["sec-websocket-protocol", "chat, chat"]] });
    const { status, headers } = await raw.response;
    const isAccepted = harness.runtime === "uws";
    expect(status).toBe(isAccepted ? 101 : 400);
    expect(new Map(headers).get("sec-websocket-protocol")).toBe(isAccepted ? "chat" : undefined);
    expect(seen.entries).toHaveLength(isAccepted ? 1 : 0);
    expect(sessions.diagnostics.handshakesRefused).toBe(0);
  });

  test("a token is not echoed back as a subprotocol, and the application does not get the token", async () => {
    const observed = new Journal<string>();
    const sessions = createSessions({
      store: mapStore(),
      token: protocolToken(),
      admit: ({ headers, protocols }) => {
        observed.note(
          JSON.stringify({
            offered: headers["sec-websocket-protocol"],
            protocols,
            proto: "constructor" in headers,
          }),
        );
        return { type: "accept" };
      },
      initial: () => ({}),
    });
    const server = await trialOf().serve(sessions, {
      open: (_, handshake) => observed.note(JSON.stringify([handshake.protocols, handshake.headers])),
    });
    const { token } = await sessions.create({});
    const raw = await trialOf().rawUpgraded(server, {
      headers: [["sec-websocket-protocol", `wsession.${token}, chat`]],
    });
    const { headers } = await raw.response;
    expect(new Map(headers).get("sec-websocket-protocol")).toBe("chat");
    const alone = await trialOf().rawUpgraded(server, {
      headers: [["sec-websocket-protocol", `wsession.${token}`]],
    });
    expect(new Map((await alone.response).headers).has("sec-websocket-protocol")).toBe(false);
    await observed.until(4);
    expect(observed.entries[0]).toBe(JSON.stringify({ offered: "chat", protocols: ["chat"], proto: false }));
    expect(observed.entries.join()).not.toContain(token);
    expect(sessions.diagnostics.sessionsResumed).toBe(2);
  });
});
