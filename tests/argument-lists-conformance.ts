/** For each public function of `@wsession/conformance` the argument lists that it has to refuse. */
import { each } from "./argument-lists.ts";
import type { Calls } from "./argument-lists.ts";
import { wrongFor } from "./wrong-values.ts";

const storeHarness = {
  open: () => 1,
  tickMs: 1,
  capabilities: { resumable: true, shared: true, values: "any" },
};
const adapterHarness = { listen: () => 1, runtime: "ws", pauses: true, keepsEagerFrames: true };
const helper = "a helper of the suites";
export const conformanceCalls: Calls = {
  testStore: [
    ...each(wrongFor.text),
    ...each([undefined, ...wrongFor.object], "name"),
    ...each(wrongFor.duration, "name").map(([name, tickMs]) => [name, { ...storeHarness, tickMs }]),
    ["name", { ...storeHarness, capabilities: {} }],
  ],
  testAdapter: [
    ...each(wrongFor.text),
    ...each([undefined, ...wrongFor.object], "name"),
    ...each(wrongFor.boolean, "name").map(([name, pauses]) => [name, { ...adapterHarness, pauses }]),
  ],
  testClient: [...each(wrongFor.text), ...each([undefined, ...wrongFor.object], "name")],
  runClientCase: each(wrongFor.options, { name: "none", run: () => 1 }, { connect: () => 1 }),
  runStoreCase: each(wrongFor.options, { name: "none", run: () => 1 }, storeHarness),
  runAdapterCase: each(wrongFor.options, { name: "none", run: () => 1 }, adapterHarness),
  ...Object.fromEntries(
    [
      "adapterCases",
      "storeCases",
      "clientCases",
      "ClientTrial",
      "ScriptedServer",
      "ScriptedPeer",
      "TabStorage",
      "helloOf",
      "outcomeOf",
      "shortOf",
      "watch",
      "AdapterTrial",
      "FramedPeer",
      "StoreTrial",
      "Client",
      "RawClient",
      "Opcode",
      "Journal",
      "StoreProcess",
      "closeFrameOf",
      "deferred",
      "delay",
      "frame",
      "macrotask",
      "newDigest",
      "newId",
      "until",
      "within",
      "warningsDuring",
    ].map((name) => [name, helper]),
  ),
};
