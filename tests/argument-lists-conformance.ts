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
const clientHarness = { connect: () => 1 };
const one = { name: "none", run: () => 1 };
const notAnObject = [undefined, ...wrongFor.object];
/** Wrong cases, harnesses and options of a function that runs one case. */
const runs = (harness: object): readonly (readonly unknown[])[] => [
  ...each(wrongFor.options, one, harness),
  ...notAnObject.map((value) => [value, harness]),
  ...[{ name: 5, run: () => 1 }, { run: () => 1 }].map((value) => [value, harness]),
  ...each(notAnObject, one),
];
const helper = "a helper of the suites";
export const conformanceCalls: Calls = {
  testStore: [
    ...each(wrongFor.text),
    ...each([undefined, ...wrongFor.object], "name"),
    ...each(wrongFor.duration, "name").map(([name, tickMs]) => [name, { ...storeHarness, tickMs }]),
    ["name", { ...storeHarness, capabilities: {} }],
    ["name", { ...storeHarness, comits: true }],
    ["name", { ...storeHarness, capabilities: { ...storeHarness.capabilities, outbx: true } }],
    ...each(wrongFor.options, "name").map(([name, capabilities]) => [
      name,
      { ...storeHarness, capabilities },
    ]),
  ],
  testAdapter: [
    ...each(wrongFor.text),
    ...each([undefined, ...wrongFor.object], "name"),
    ...each(wrongFor.boolean, "name").map(([name, pauses]) => [name, { ...adapterHarness, pauses }]),
    ["name", { ...adapterHarness, fragmens: true }],
  ],
  testClient: [...each(wrongFor.text), ...each([undefined, ...wrongFor.object], "name")],
  runClientCase: runs(clientHarness),
  runStoreCase: runs(storeHarness),
  runAdapterCase: runs(adapterHarness),
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
