/** For each public function of the adapters the argument lists that it has to refuse. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import * as core from "@wsession/core";
import uWS from "uWebSockets.js";
import { WebSocket, WebSocketServer } from "ws";
import { behind, each } from "./argument-lists.ts";
import type { Calls } from "./argument-lists.ts";
import { wrongFor } from "./wrong-values.ts";

const server = new WebSocketServer({ noServer: true });
export const wsCalls: Calls = {
  bindSessions: [
    ...each([undefined, ...wrongFor.object]),
    ...each([undefined, ...wrongFor.object], server),
    ...each([undefined, null, "x", [], { message: 5 }], server, core.createSessions({})),
    ...each(wrongFor.options, server, core.createSessions({}), {}),
    ...behind(server, core.createSessions({}), {}, {}),
  ],
  asWebSocket: each([undefined, ...wrongFor.object]),
  // A request, a response and a WebSocket are near a socket: data that is stored with one of these would never be found.
  transportOf: [
    ...each([undefined, ...wrongFor.object]),
    ...each([new IncomingMessage(new Socket()), new ServerResponse(new IncomingMessage(new Socket()))]),
    [Object.create(WebSocket.prototype)],
    ...behind(new Socket()),
  ],
};
export const uwsCalls: Calls = {
  bindSessions: [
    ...each([undefined, ...wrongFor.object]),
    ...each([undefined, ...wrongFor.text], uWS.App()),
    ...each([undefined, ...wrongFor.object], uWS.App(), "/*"),
    ...each([undefined, null, "x", [], { message: 5 }], uWS.App(), "/*", core.createSessions({})),
    ...each(wrongFor.options, uWS.App(), "/*", core.createSessions({}), {}),
    ...behind(uWS.App(), "/*", core.createSessions({}), {}, {}),
  ],
};
export const bunCalls: Calls = {
  bindSessions: [
    ...each([undefined, ...wrongFor.object]),
    ...each([undefined, null, "x", [], { message: 5 }], core.createSessions({})),
    ...each(wrongFor.options, core.createSessions({}), {}),
    ...behind(core.createSessions({}), {}, {}),
  ],
};
