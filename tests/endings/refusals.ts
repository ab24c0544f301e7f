/** Each reason to refuse a handshake, brought about over real sockets. */
import { deferred, RawClient, until } from "@wsession/conformance";
import { accept, mapStore, reject } from "@wsession/core";
import { onTestFinished } from "vitest";
import { connect } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { asAda, BAD, fail, failingStore, initial, resumable, start } from "./setup.ts";
import type { Data, Setting } from "./setup.ts";

/** The status and the body of a refusal. */
async function refusal(
  setting: Setting,
  path = "/",
  headers: readonly (readonly [string, string])[] = [],
): Promise<string> {
  const raw = new RawClient(setting.port);
  onTestFinished(() => raw.destroy());
  raw.upgrade({ path, headers });
  const { status, body } = await raw.refusal;
  return `${status} ${body}`;
}

/** By the status and the body. */
export const refusals: Readonly<Record<string, (runtime: RuntimeName) => Promise<string>>> = {
  "404 Not Found": async (runtime) => refusal(await start(runtime, { admit: () => reject(404) })),
  "418 short and stout": async (runtime) =>
    refusal(await start(runtime, { admit: () => reject(418, "short and stout") })),
  "401 session token refused": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), onBadToken: "refuse" }), BAD),
  "401 session token missing": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), initial: undefined, onNoToken: "refuse" })),
  "401 sessions revoked": async (runtime) => {
    const gate = deferred<Data>();
    const asked = deferred();
    const setting = await start(runtime, {
      store: mapStore(),
      admit: () => accept({ subject: "ada" }),
      initial: () => (asked.resolve(), gate.promise),
    });
    const refused = refusal(setting);
    await asked.promise;
    await setting.sessions.destroySubject("ada");
    gate.resolve({ n: 0 });
    return refused;
  },
  "403 origin not allowed": async (runtime) =>
    refusal(await start(runtime, { origins: ["https://example.com"] }), "/", [
      ["origin", "https://evil.example"],
    ]),
  "500 internal error": async (runtime) => {
    const bodies = new Set<string>();
    for (const options of [
      { admit: fail },
      { initial: fail },
      { transport: fail },
      { origins: fail },
    ] as const) {
      const setting = await start(runtime, options);
      bodies.add(await refusal(setting));
      if (setting.errors.length !== 1) throw new Error("a 500 that onError was not told of");
    }
    return [...bodies].join();
  },
  "503 session store unavailable": async (runtime) =>
    refusal(await start(runtime, { store: failingStore("STORE_UNAVAILABLE"), initial })),
  "503 session can't be read": async (runtime) =>
    refusal(await start(runtime, { ...resumable(), store: failingStore("CORRUPT_RECORD") }), BAD),
  "403 too many sessions of one subject": async (runtime) => {
    const maxSessionsPerSubject = { max: 1, over: "refuse" } as const;
    const setting = await start(runtime, { ...asAda, ...resumable(), maxSessionsPerSubject });
    await connect(setting);
    return refusal(setting);
  },
  "503 too many sessions": async (runtime) => {
    const setting = await start(runtime, { store: mapStore({ maxSessions: 1 }), initial });
    await connect(setting);
    return refusal(setting);
  },
  "503 too many handshakes": async (runtime) => {
    const gate = deferred<Data>();
    onTestFinished(() => gate.resolve({ n: 0 }));
    const setting = await start(runtime, { maxPendingHandshakes: 1, initial: () => gate.promise });
    const waiting = new RawClient(setting.port);
    onTestFinished(() => waiting.destroy());
    waiting.upgrade();
    await until(() => setting.sessions.diagnostics.handshakesPending === 1);
    return refusal(setting);
  },
  "503 admission took too long": async (runtime) =>
    refusal(await start(runtime, { handshakeTimeoutMs: 20, admit: () => deferred<never>().promise })),
  "503 server restarting": async (runtime) => {
    const asked = deferred();
    const setting = await start(runtime, { admit: () => (asked.resolve(), deferred<never>().promise) });
    const refused = refusal(setting);
    await asked.promise;
    void setting.sessions.close();
    return refused;
  },
};
