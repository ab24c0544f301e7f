/** The servers that pages connect to: in this process, behind a line that can be cut, or in a process that can be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import type { Sessions, SessionsOptions } from "@wsession/core";
import { onTestFinished } from "vitest";
import { serve } from "../../runtimes.ts";
import type { RuntimeName } from "../../runtimes.ts";
import { Line } from "../line.ts";

export interface Data {
  readonly said: readonly string[];
}

/** A server that writes each message into its session. "log in as …" identifies the session, "leave" destroys it. */
export async function startServer(
  runtime: RuntimeName,
  options: Omit<SessionsOptions<Data>, "initial" | "schema"> = {},
) {
  const sessions: Sessions<Data, unknown, never> = createSessions<Data>({
    store: mapStore(),
    token: cookieToken({ name: "wsession", secure: false }),
    initial: () => ({ said: [] }),
    onError: () => undefined,
    ...options,
  });
  const server = await serve(runtime, sessions, {
    async message({ session }, data) {
      const text = String(data);
      if (text === "leave") return void (await session.destroy());
      if (text.startsWith("log in as ")) return void (await session.identify(text.slice(10)));
      await session.update(({ said }) => ({ said: [...said, text] }));
    },
  });
  return { sessions, server, line: await Line.to(server.port) };
}

/** A server process on `port`. `kill` ends it by SIGKILL: its sockets are reset, and nothing of it runs any more. */
export async function startProcess(
  redisPort: number,
  prefix: string,
  port: number,
  ...flags: readonly string[]
) {
  const program = join(import.meta.dirname, "../server.mjs");
  const child = spawn(process.execPath, [program, `${redisPort}`, prefix, `${port}`, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return {
    port,
    async kill() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    /** A deploy: SIGTERM, and the process ends once its sessions are closed. */
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}
