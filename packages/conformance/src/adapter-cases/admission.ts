import { accept, createSessions, mapStore, queryToken, reject } from "@wsession/core";
import type { Admission, Connection, HeaderValues } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { expect } from "vitest";
import type { AdapterCase } from "../adapter-trial.ts";
import { valuesOf } from "../raw-client.ts";
import { deferred, Journal } from "../waiting.ts";

/** The answer of `admit`: the context of the connection, headers of the answer, and the subprotocol. */
export const admissionCases: readonly AdapterCase[] = [
  {
    name: "the context of accept reaches initial and the connection, which may set it; each connection of a session has its own",
    async run(trial) {
      const asked = new Journal<unknown>();
      const closed = deferred<unknown>();
      const sessions = createSessions({
        store: mapStore(),
        token: queryToken(),
        admit: async ({ url }) => accept({ context: { url } }),
        initial: (_, context) => {
          asked.note(context);
          return { n: 0, name: context.url };
        },
      });
      const server = await trial.serve(sessions, {
        message: (connection) => void (connection.context = "changed"),
        close: (connection) => closed.resolve(connection.context),
      });
      const first = await trial.connect(server, "/first");
      const [one] = [...sessions.connections];
      expect(asked.entries).toEqual([{ url: "/first" }]);
      expect(one?.context).toBe(asked.entries[0]);
      expect(one?.session.data).toEqual({ n: 0, name: "/first" });
      await trial.connect(server, `/second?token=${one?.token}`);
      const [, two] = [...sessions.connections];
      expect(asked.entries).toHaveLength(1);
      expect(two?.session.id).toBe(one?.session.id);
      expect(two?.context).toEqual({ url: `/second?token=${one?.token}` });
      first.send("change");
      first.socket.close();
      expect(await closed.promise).toBe("changed");
      expect(one?.context).toBe("changed");
      expect(two?.context).toEqual({ url: `/second?token=${one?.token}` });
    },
  },
  {
    name: "a client of v1.wsession has the context too, and without one the context is undefined and can be set",
    async run(trial) {
      const sessions = createSessions({
        admit: ({ url }) => (url === "/with" ? accept({ context: { n: 1 } }) : accept()),
        initial: (_, context) => ({ n: context?.n ?? 0 }),
      });
      const opened = new Journal<Connection>();
      const server = await trial.serve(sessions, { open: (connection) => opened.note(connection) });
      await trial.connect(server, "/with", { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] });
      await trial.connect(server, "/without");
      await opened.until(2);
      const [framed, raw] = opened.entries;
      expect([framed?.context, raw?.context]).toEqual([{ n: 1 }, undefined]);
      expect(raw?.transport.data).toBeUndefined();
      Object.assign(raw ?? {}, { context: 5 });
      expect([raw?.context, raw?.transport.data]).toEqual([5, undefined]);
    },
  },
  {
    name: "connection.protocol is the application's subprotocol, with and without v1.wsession, and empty without one",
    async run(trial) {
      const sessions = createSessions({ initial: () => ({ n: 0 }) });
      const opened = new Journal<string>();
      const server = await trial.serve(sessions, { open: ({ protocol }) => opened.note(protocol) });
      for (const protocols of [
        [],
        ["chat", "other"],
        [DECOY_SUBPROTOCOL, SUBPROTOCOL],
        [SUBPROTOCOL, DECOY_SUBPROTOCOL, "chat"],
      ])
        await trial.connect(server, "/", { protocols });
      await opened.until(4);
      expect(opened.entries).toEqual(["", "chat", "", "chat"]);
    },
  },
  {
    name: "a header of accept with several values is sent once for each, beside the cookie of the token",
    async run(trial) {
      const sessions = createSessions({
        store: mapStore(),
        token: { read: () => undefined, write: (token) => ["set-cookie", `own=${token}`] },
        initial: () => ({ n: 0 }),
        admit: () => accept({ headers: { "set-cookie": ["a=1", "b=2"], "x-list": [], "x-one": "1" } }),
      });
      const server = await trial.serve(sessions, {});
      const { headers } = await (await trial.rawUpgraded(server)).response;
      const [connection] = [...sessions.connections];
      const own: unknown = expect.stringContaining(`own=${connection?.session.id}`);
      expect(valuesOf(headers, "set-cookie")).toEqual(["a=1", "b=2", own]);
      expect(valuesOf(headers, "x-list")).toEqual([]);
      expect(valuesOf(headers, "x-one")).toEqual(["1"]);
    },
  },
  {
    name: "the headers of reject are sent with the refusal; a client of v1.wsession gets them with the 101 before its close code",
    async run(trial) {
      const sent = { "Retry-After": "120", "Set-Cookie": ["a=; Max-Age=0", "b=; Max-Age=0"] };
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        admit: () => reject(503, "busy", { headers: sent }),
      });
      const server = await trial.serve(sessions, {});
      const refusal = await trial.refused(server);
      expect(refusal).toMatchObject({ status: 503, body: "busy" });
      const offered = [["Sec-WebSocket-Protocol", `${DECOY_SUBPROTOCOL}, ${SUBPROTOCOL}`]] as const;
      const framed = await trial.rawUpgraded(server, { headers: offered });
      for (const { headers } of [refusal, await framed.response]) {
        expect(valuesOf(headers, "retry-after")).toEqual(["120"]);
        expect(valuesOf(headers, "set-cookie")).toEqual(["a=; Max-Age=0", "b=; Max-Age=0"]);
      }
      expect(valuesOf(refusal.headers, "content-type")).toEqual(["text/plain; charset=utf-8"]);
      expect(valuesOf(refusal.headers, "content-length")).toEqual(["4"]);
    },
  },
  {
    name: "a header that would break the answer is refused with 500 and reported, also in an admission that is made by hand",
    async run(trial) {
      const failures = new Journal<unknown>();
      const bad: readonly HeaderValues[] = [
        { "x-a": "1\r\nx-b: 2" },
        { "x-a": ["1", "2\n"] },
        { "x a": "1" },
        { Upgrade: "h2c" },
        { "sec-websocket-protocol": "chat" },
        { "transfer-encoding": "chunked" },
      ];
      const answers = bad.flatMap((headers): Admission[] => [
        { type: "accept", headers },
        { type: "reject", status: 403, reason: "no", headers },
      ]);
      const sessions = createSessions({
        initial: () => ({ n: 0 }),
        admit: ({ url }) => answers[Number(url.slice(1))] ?? reject(404),
        onError: (error, { stage }) => failures.note(`${stage} ${error instanceof Error && error.name}`),
      });
      const server = await trial.serve(sessions, {});
      for (const index of answers.keys()) {
        const { status, headers } = await trial.refused(server, { path: `/${index}` });
        expect([status, valuesOf(headers, "x-b")]).toEqual([500, []]);
      }
      expect(failures.entries).toEqual(answers.map(() => "admit SessionError"));
      expect(sessions.connections.size).toBe(0);
    },
  },
];
