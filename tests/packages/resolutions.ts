/** How a project may look up modules: one program for each, which uses the types of every package. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checked } from "./compilers.ts";
import type { Compiler, Program } from "./compilers.ts";

interface Resolution {
  readonly options: Readonly<Record<string, unknown>>;
  /** The module format of a file is that of its extension. */
  readonly extension: "mts" | "cts";
}

/** By the name of the row in docs/compatibility.md. */
export const resolutions: Readonly<Record<string, Resolution>> = {
  "`nodenext`, ES module": { extension: "mts", options: { module: "nodenext" } },
  "`nodenext`, CommonJS": { extension: "cts", options: { module: "nodenext" } },
  "`node16`, ES module": { extension: "mts", options: { module: "node16" } },
  "`node16`, CommonJS": { extension: "cts", options: { module: "node16" } },
  "`bundler`, ES module": { extension: "mts", options: { module: "esnext", moduleResolution: "bundler" } },
  "`bundler`, CommonJS": { extension: "cts", options: { module: "preserve", moduleResolution: "bundler" } },
  "`node10`, ES module": { extension: "mts", options: { module: "esnext", moduleResolution: "node10" } },
  "`node10`, CommonJS": { extension: "cts", options: { module: "commonjs", moduleResolution: "node10" } },
};

const use = `
import { bindSessions as bindBun } from "@wsession/adapter-bun";
import { bindSessions } from "@wsession/adapter-ws";
import { connect } from "@wsession/client";
import { testStore } from "@wsession/conformance";
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { assertText } from "@wsession/core/runtime";
import { httpSessions } from "@wsession/http";
import { instrument } from "@wsession/opentelemetry";
import { unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { redisStore } from "@wsession/store-redis";
import { redisInspection } from "@wsession/store-redis/inspection";
import { WebSocketServer } from "ws";

const cookie = cookieToken();
const sessions = createSessions({ store: mapStore(), token: cookie, initial: () => ({ visits: 0 }) });
bindSessions(new WebSocketServer({ noServer: true }), sessions, {
  message(conn) {
    const visits: number = conn.session.data.visits;
    // @ts-expect-error -- the types are there: the data has no such field
    void conn.session.data.vists;
    conn.send(String(visits));
  },
});
const messages = defineMessages({ toServer: { bid: unchecked<{ amount: number }>() } });
// @ts-expect-error -- the amount is a number
void messages.client(connect("ws://localhost")).send.bid({ amount: "1" });
// @ts-expect-error -- a user must be named
void httpSessions(sessions, { cookie }).login(new Request("/"), new Headers(), { visits: 0 }, {});
// @ts-expect-error -- it takes a name and a text
assertText(1);
// @ts-expect-error -- it takes options
redisStore(1);
// @ts-expect-error -- it takes sessions
instrument(1);
// @ts-expect-error -- it takes sessions
bindBun(1);
// @ts-expect-error -- it takes options
redisInspection(1);
// @ts-expect-error -- it takes functions
testStore(1);
export {};
`;

/** Writes the files of the programs, and resolves with the programs. */
export async function resolutionPrograms(project: string, compiler: Compiler): Promise<readonly Program[]> {
  return Promise.all(
    Object.entries(resolutions).map(async ([row, { extension, options }]) => {
      const file = `uses-${fileNameOf(row)}-${compiler}.${extension}`;
      await writeFile(join(project, file), use);
      // TypeScript 6 is the last version with this resolution, and rejects it without this option.
      const silenced = row.startsWith("`node10`") && compiler === "ts6" ? { ignoreDeprecations: "6.0" } : {};
      return checked(row, [file], { ...options, ...silenced });
    }),
  );
}

function fileNameOf(row: string): string {
  return row.replaceAll(/[^a-z0-9]+/gi, "-").toLowerCase();
}

/** The cells of the table in docs/compatibility.md, by row: "yes", or the error that the compiler reports. */
export function tableOf(page: string): ReadonlyMap<string, readonly string[]> {
  const rows = [...page.matchAll(/^\| (`\w+`, (?:ES module|CommonJS)) \|(.*)\|$/gm)];
  return new Map(rows.map(([, row = "", cells = ""]) => [row, cells.split("|").map((cell) => cell.trim())]));
}
