export type { AdapterHarness, AdapterServer } from "./adapter-harness.ts";
export { adapterCases, testAdapter } from "./adapter-suite.ts";
export { AdapterTrial, runAdapterCase } from "./adapter-trial.ts";
export type { AdapterCase } from "./adapter-trial.ts";
export type { RunOptions } from "./check-harness.ts";
export type {
  ClientHarness,
  TestedClient,
  TestedEvents,
  TestedOptions,
  TestedStorage,
} from "./client-harness.ts";
export { clientCases, testClient } from "./client-suite.ts";
export { ClientTrial, outcomeOf, runClientCase, shortOf, TabStorage, watch } from "./client-trial.ts";
export type { ClientCase, WatchedClient } from "./client-trial.ts";
export { Client } from "./client.ts";
export type { ClientOptions, ClosedWith, Received } from "./client.ts";
export { closeFrameOf, frame, Opcode, RawClient } from "./raw-client.ts";
export type { FrameOptions, RawResponse, UpgradeOptions } from "./raw-client.ts";
export { helloOf, ScriptedPeer, ScriptedServer } from "./scripted-server.ts";
export type { ScriptedServerOptions } from "./scripted-server.ts";
export { deferred, delay, Journal, macrotask, until, within } from "./waiting.ts";
export { FramedPeer } from "./framed-peer.ts";
export type { FramedOptions, ServerFrame } from "./framed-peer.ts";
export type { Deferred } from "./waiting.ts";
export type { StoreBacking, StoreHarness } from "./store-harness.ts";
export { newDigest, newId } from "./random-ids.ts";
export { StoreProcess } from "./store-process.ts";
export type { Born } from "./store-process.ts";
export { storeCases, testStore } from "./store-suite.ts";
export { runStoreCase, StoreTrial } from "./store-trial.ts";
export type { StoreCase } from "./store-trial.ts";
export { warningsDuring } from "./warnings.ts";
