/** Why handshakes are refused: the counters, and the field of the telemetry. */
import {
  accept,
  createSessions,
  isSessionError,
  mapStore,
  onTelemetry,
  queryToken,
  reject,
  SessionError,
} from "@wsession/core";
import type { HandshakeTelemetry, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import type { RuntimeBinding } from "@wsession/core/runtime";
import { expect, onTestFinished, test } from "vitest";
import { aHandshake } from "./handshakes.ts";
import { memoryRuntime } from "./memory-runtime.ts";
import type { MemorySocket } from "./memory-runtime.ts";

type Options = SessionsOptions<object>;

function observed(): HandshakeTelemetry[] {
  const events: HandshakeTelemetry[] = [];
  onTestFinished(onTelemetry("wsession:handshake", (event) => events.push(event)));
  return events;
}

function failingStore(code: "STORE_UNAVAILABLE" | "STORE_FULL"): SessionStore {
  return Object.assign(mapStore(), { create: () => Promise.reject(new SessionError(code, "away")) });
}

const origin = "https://app.example.com";
const resumable = () => ({ store: mapStore(), token: queryToken() });
const never = () => new Promise<never>(() => undefined);

test.each<[string, number, Options, ((binding: RuntimeBinding<MemorySocket>) => void)?]>([
  ["origin", 403, { origins: ["https://other.example"] }],
  ["admit", 401, { admit: () => reject(401) }],
  ["token", 401, { ...resumable(), onBadToken: "refuse" }],
  ["token", 401, { ...resumable(), onBadToken: "close" }],
  ["store", 503, { store: failingStore("STORE_UNAVAILABLE") }],
  ["store", 503, { store: failingStore("STORE_FULL") }],
  ["busy", 503, { admit: never, handshakeTimeoutMs: 1 }],
  ["closing", 503, {}, (binding) => void binding.close()],
  ["closing", 503, { admit: never }, (binding) => void setImmediate(() => void binding.close())],
  ["error", 500, { admit: () => Promise.reject(new Error("mine")) }],
  ["error", 500, { initial: () => Promise.reject(new Error("mine")) }],
])("a refusal %j with %i is published with its cause", async (refusal, status, options, prepare) => {
  const events = observed();
  const sessions = createSessions<object>({
    initial: () => ({}),
    onError: () => undefined,
    ...options,
  });
  const binding: RuntimeBinding<MemorySocket> = sessions.bind(memoryRuntime, {});
  prepare?.(binding);
  await binding.admit(aHandshake({ url: "/?token=x", headers: { origin } }), undefined);
  expect(events).toMatchObject([{ outcome: "refused", refusal, status }]);
  expect(sessions.diagnostics.originsRefused).toBe(refusal === "origin" ? 1 : 0);
});

test("a refusal for a subject whose sessions end meanwhile has the cause subject, and an accepted handshake has none", async () => {
  const events = observed();
  const sessions: Sessions<object, unknown, never> = createSessions({
    store: mapStore(),
    admit: () => accept({ subject: "ada" }),
    initial: (): Promise<object> => sessions.destroySubject("ada").then(() => ({})),
  });
  const binding: RuntimeBinding<MemorySocket> = sessions.bind(memoryRuntime, {});
  await binding.admit(aHandshake({}), undefined);
  const others = createSessions({ initial: () => ({}) });
  await others.bind(memoryRuntime, {}).admit(aHandshake({}), undefined);
  expect(events).toMatchObject([
    { status: 401, refusal: "subject" },
    { status: 101, refusal: undefined },
  ]);
});

test("onError gets the first refused page of this machine, once, and no refused page of another machine or from another machine", async () => {
  const errors: unknown[] = [];
  const sessions = createSessions({
    origins: [origin],
    initial: () => ({}),
    onError: (error, { stage }) => errors.push([stage, error]),
  });
  const binding: RuntimeBinding<MemorySocket> = sessions.bind(memoryRuntime, {});
  const request = (from: string | undefined, remoteAddress: string | undefined) =>
    binding.admit(
      aHandshake({ headers: from === undefined ? {} : { origin: from }, remoteAddress }),
      undefined,
    );
  for (const from of [
    undefined,
    "https://evil.example",
    "http://localhost.evil.example",
    "http://127.evil.example",
    "http://localhost/x",
    "null",
  ])
    await request(from, "127.0.0.1");
  for (const address of ["192.0.2.1", undefined]) await request("http://localhost:5173", address);
  expect(errors).toEqual([]);
  await request("http://localhost:5173", "127.0.0.1");
  await request("http://127.0.0.1:5173", "::1");
  expect(errors).toHaveLength(1);
  const [[stage, error]] = Object(errors);
  expect(stage).toBe("admit");
  expect(isSessionError(error, "INVALID_ARGUMENT") && error.message).toContain("http://localhost:5173");
  expect(sessions.diagnostics).toMatchObject({ originsRefused: 10, handshakesRefused: 10 });
});
