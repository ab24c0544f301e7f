import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Client } from "@wsession/conformance";
import type { SessionsOptions } from "@wsession/core";
import { onTestFinished } from "vitest";
import type { RuntimeName } from "./runtimes.ts";

const APPLICATION = fileURLToPath(new URL("application.mjs", import.meta.url));

export interface Running {
  readonly port: number;
  /** Sends SIGKILL; resolves when the process has exited. */
  kill(): Promise<void>;
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

export interface ApplicationData {
  readonly n: number;
  /** The messages of transactions, in the order of their commits. */
  readonly list?: readonly string[];
}

/** The messages of application.mjs to its clients. */
export type ApplicationMessage =
  | {
      readonly type: "open";
      readonly id: string;
      readonly token?: string;
      readonly resumed: boolean;
      readonly version: number;
      readonly data: ApplicationData;
    }
  | { readonly type: "done"; readonly version: number; readonly data: ApplicationData }
  | { readonly type: "counted"; readonly n: number; readonly message: string }
  | { readonly type: "change"; readonly data: { readonly n: number } };

/** The runtimes of the application. Bun needs WSESSION_BUN, the path of its binary. */
export type ApplicationRuntime = RuntimeName | "bun";

/**
 * Starts the application in its own process, which is killed when the test ends. `redis`: the port; `undefined`: `mapStore()`. `timeoutMs`:
 * of the store in Redis, ten seconds by default.
 */
export async function startApplication(
  redis: number | undefined,
  prefix: string,
  runtime: ApplicationRuntime,
  options: Pick<SessionsOptions<object>, "exclusive" | "maxSessionsPerSubject" | "idleFrom" | "idleMs"> = {},
  timeoutMs?: number,
): Promise<Running> {
  const child = fork(APPLICATION, [JSON.stringify({ redis, prefix, runtime, options, timeoutMs })], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // The options of Node.js mean nothing to Bun.
    ...(runtime === "bun" ? { execPath: process.env["WSESSION_BUN"], execArgv: [] } : {}),
  });
  const exited = once(child, "exit");
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  onTestFinished(kill);
  const ended = exited.then(([code]) => Promise.reject(new Error(`application.mjs ended with ${code}`)));
  const message: readonly unknown[] = await Promise.race([once(child, "message"), ended]);
  ended.catch(() => undefined);
  const { port } = message[0] as { readonly port: number };
  return { port, kill, signal: (signal) => void child.kill(signal) };
}

/** Resolves with the next message of this type that the application sends to the client. */
export async function nextOf<Type extends ApplicationMessage["type"]>(
  client: Client,
  type: Type,
): Promise<Extract<ApplicationMessage, { type: Type }>> {
  for (;;) {
    const message: ApplicationMessage = JSON.parse(String(await client.next()));
    if (isOf(message, type)) return message;
  }
}

function isOf<Type extends ApplicationMessage["type"]>(
  message: ApplicationMessage,
  type: Type,
): message is Extract<ApplicationMessage, { type: Type }> {
  return message.type === type;
}
