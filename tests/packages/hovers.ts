/** A program with every option of the packages and with typed messages, and what an editor shows at its names. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { membersOf } from "../members.ts";
import { hoversAt } from "./language-server.ts";
import type { Hover } from "./language-server.ts";

interface Options {
  readonly label: string;
  /** Where the options stand in place of `OPTIONS`. */
  readonly call: string;
  /** The interfaces that have the options: a source file and a name. */
  readonly types: readonly (readonly [file: string, type: string])[];
}

const core = "core/src/api/options.ts";
const typed = "core/src/api/typed-options.ts";
const lifetimes = ["core/src/base/lifetimes.ts", "Lifetimes"] as const;
const withoutInitial = [
  [core, "CommonOptions"],
  [typed, "AdmitOption"],
  [typed, "TransportOption"],
  [typed, "NoTokenOption"],
  [typed, "SchemaOption"],
] as const;

const allOptions: readonly Options[] = [
  {
    label: "createSessions",
    call: "createSessions(OPTIONS)",
    types: [...withoutInitial, [typed, "InitialOption"]],
  },
  {
    label: "createSessions without schema",
    call: "createSessions(OPTIONS)",
    types: [...withoutInitial.slice(0, 4), [typed, "InitialOption"]],
  },
  { label: "createSessions without initial", call: "createSessions<Data>(OPTIONS)", types: withoutInitial },
  { label: "early", call: "createSessions({ early: OPTIONS })", types: [[core, "EarlyLimits"]] },
  { label: "inbox", call: "createSessions({ inbox: OPTIONS })", types: [[core, "InboxLimits"]] },
  {
    label: "outbox",
    call: "createSessions({ outbox: OPTIONS })",
    types: [["core/src/api/outbox-limits.ts", "OutboxLimits"]],
  },
  {
    label: "maxSessionsPerSubject",
    call: "createSessions({ maxSessionsPerSubject: OPTIONS })",
    types: [["core/src/api/subject-limit-option.ts", "SubjectLimitOption"]],
  },
  { label: "events", call: "createSessions({ events: OPTIONS })", types: [[core, "SessionEvents"]] },
  {
    label: "accept",
    call: "accept(OPTIONS)",
    types: [["core/src/handshake/handshake.ts", "AcceptOptions"], lifetimes],
  },
  {
    label: "reject",
    call: 'reject(401, "", OPTIONS)',
    types: [["core/src/handshake/handshake.ts", "RejectOptions"]],
  },
  {
    label: "create",
    call: "void sessions.create(data, OPTIONS)",
    types: [["core/src/api/sessions.ts", "CreateOptions"], lifetimes],
  },
  {
    label: "open",
    call: 'void sessions.open("", OPTIONS)',
    types: [["core/src/api/sessions.ts", "OpenOptions"]],
  },
  {
    label: "close",
    call: "void sessions.close(OPTIONS)",
    types: [["core/src/api/runtime.ts", "CloseOptions"]],
  },
  {
    label: "send",
    call: 'void sessions.send("", "", OPTIONS)',
    types: [["protocol/src/sending.ts", "SendOptions"]],
  },
  {
    label: "handlers",
    call: "bindWs(some, sessions, OPTIONS)",
    types: [["core/src/api/handlers.ts", "Handlers"]],
  },
  {
    label: "bindSessions of adapter-ws",
    call: "bindWs(some, sessions, {}, OPTIONS)",
    types: [["adapter-ws/src/bind-options.ts", "BindOptions"]],
  },
  {
    label: "bindSessions of adapter-bun",
    call: "bindBun(sessions, {}, OPTIONS)",
    types: [["adapter-bun/src/bind-options.ts", "BindOptions"]],
  },
  {
    label: "cookieToken",
    call: "cookieToken(OPTIONS)",
    types: [["core/src/handshake/carriers.ts", "CookieOptions"]],
  },
  {
    label: "mapStore",
    call: "mapStore(OPTIONS)",
    types: [["core/src/store/map-options.ts", "MapStoreOptions"]],
  },
  {
    label: "redisStore",
    call: "redisStore(OPTIONS)",
    types: [["store-redis/src/base/options.ts", "RedisStoreOptions"]],
  },
  {
    label: "httpSessions",
    call: "httpSessions(sessions, OPTIONS)",
    types: [["http/src/contract.ts", "HttpSessionsOptions"]],
  },
  {
    label: "login",
    call: "void http.login(some, some, data, OPTIONS)",
    types: [["http/src/contract.ts", "LoginOptions"], lifetimes],
  },
  { label: "express", call: "http.express(OPTIONS)", types: [["http/src/contract.ts", "ExpressOptions"]] },
  { label: "hono", call: "http.hono(OPTIONS)", types: [["http/src/contract.ts", "HonoOptions"]] },
  {
    label: "fromExpressSession",
    call: "fromExpressSession(OPTIONS)",
    types: [["http/src/express-session/readers.ts", "SessionReaderOptions"]],
  },
  {
    label: "fromAuthJs",
    call: "fromAuthJs(OPTIONS)",
    types: [["http/src/auth-js.ts", "AuthJsOptions"]],
  },
  { label: "connect", call: 'connect("", OPTIONS)', types: [["client/src/contract.ts", "ClientOptions"]] },
  {
    label: "backoff",
    call: 'connect("", { backoff: OPTIONS })',
    types: [["client/src/contract.ts", "Backoff"]],
  },
  {
    label: "queue",
    call: 'connect("", { queue: OPTIONS })',
    types: [["client/src/contract.ts", "QueueLimits"]],
  },
  {
    label: "token",
    call: 'connect("", { token: OPTIONS })',
    types: [["client/src/contract.ts", "TokenStorage"]],
  },
];

/** The values of options from whose values types are inferred. Each other option has `some`, which has every type. */
const values: Readonly<Record<string, string>> = {
  admit: "() => accept({ context: 1 })",
  initial: "() => data",
  transport: "() => 1",
  schema: "z.object({ n: z.number() })",
};

/** A name after `/*LABEL?*\/` is asked about. */
const head = `
import { bindSessions as bindBun } from "@wsession/adapter-bun";
import { bindSessions as bindWs } from "@wsession/adapter-ws";
import { connect } from "@wsession/client";
import { accept, cookieToken, createSessions, mapStore, reject } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { fromAuthJs, fromExpressSession, httpSessions } from "@wsession/http";
import type { HttpSessions } from "@wsession/http";
import { defineMessages } from "@wsession/protocol/messages";
import { redisStore } from "@wsession/store-redis";
import { z } from "zod";

interface Data { readonly n: number }
declare const some: never;
declare const data: Data;
declare const sessions: Sessions<Data, unknown, never>;
declare const http: HttpSessions<Data>;

accept({ /*accept?*/context: some });
accept({ /*accept with a context?*/context: { user: "ada" } });

declare function planted(options: { readonly silent?: number }): void;
planted({ /*planted?*/silent: 1 });
`;

const messages = `
const messages = defineMessages({
  toServer: { bid: z.object({ amount: z.string().transform(Number) }) },
  toClient: { sold: z.object({ price: z.number().transform(String) }) },
  refusals: { outbid: z.object({ highest: z.number() }) },
});
messages.handlers(sessions, { /*handler?*/bid(connection, /*handler?*/payload) {} });
messages.toSession(sessions, "").  /*sender?*/sold({ price: 1 });
messages.refuse./*refusal?*/outbid({ highest: 1 });
const page = messages.client(connect(""));
page.send./*page?*/bid({ amount: "1" });
page.on./*page?*/sold((/*page?*/payload) => payload.price);
`;

/** What an editor shows at the names of the program, by labels such as `createSessions.idleMs`. */
export async function showHovers(project: string): Promise<ReadonlyMap<string, Hover>> {
  const calls = await Promise.all(allOptions.map(callWithAll));
  const text = `${head}${calls.join("\n")}\n${messages}`;
  const names = [...text.matchAll(/\/\*([^?*]+)\?\*\/(\w+)/g)];
  const folder = join(project, "editor");
  const file = join(folder, "program.ts");
  const compilerOptions = { strict: true, module: "nodenext", target: "es2022", types: ["node"] };
  await mkdir(folder);
  await writeFile(file, text);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const tsc = join(project, "node_modules", "ts7", "bin", "tsc");
  const hovers = await hoversAt(
    tsc,
    file,
    text,
    names.map(({ index, 1: about = "" }) => index + `/*${about}?*/`.length),
  );
  return new Map(hovers.map((hover, at) => [`${names[at]?.[1]}.${names[at]?.[2]}`, hover]));
}

async function callWithAll({ label, call, types }: Options): Promise<string> {
  const names = (await Promise.all(types.map(([file, type]) => membersOf(file, type)))).flat();
  const options = names.map((name) => `  /*${label}?*/${name}: ${values[name] ?? "some"},\n`);
  return `${call.replace("OPTIONS", `{\n${options.join("")}}`)};`;
}
