/** For each public function of the adapters the argument lists that it has to refuse. */
import * as core from "@wsession/core";
import uWS from "uWebSockets.js";
import { WebSocketServer } from "ws";
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
  transportOf: [...each([undefined, null, 5, "x", Symbol("s")]), ...behind({})],
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
