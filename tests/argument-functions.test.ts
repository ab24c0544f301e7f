/** Every argument of every public function, with a value of every wrong kind. The options have arguments.test.ts. */
import * as adapterBun from "@wsession/adapter-bun";
import * as adapterUws from "@wsession/adapter-uws";
import * as adapterWs from "@wsession/adapter-ws";
import * as conformance from "@wsession/conformance";
import * as core from "@wsession/core";
import type { Connection, Session } from "@wsession/core";
import * as http from "@wsession/http";
import * as port from "@wsession/core/runtime";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import * as storeRedis from "@wsession/store-redis";
import * as inspection from "@wsession/store-redis/inspection";
import { Redis } from "ioredis";
import { beforeAll, describe, expect, test } from "vitest";
import * as adapterLists from "./argument-lists-adapters.ts";
import { conformanceCalls } from "./argument-lists-conformance.ts";
import * as httpLists from "./argument-lists-http.ts";
import * as redisLists from "./argument-lists-redis.ts";
import * as lists from "./argument-lists.ts";
import type { Calls } from "./argument-lists.ts";
import { connect, runtimeNames, serve } from "./runtimes.ts";
import { expectRefused, membersOf, show, wrongFor } from "./wrong-values.ts";

function refusesAll(target: object, calls: Calls): void {
  for (const [name, argumentLists] of Object.entries(calls)) {
    if (typeof argumentLists === "string") continue;
    expect(argumentLists.length).toBeGreaterThan(3);
    const method = Reflect.get(target, name) as (...args: readonly unknown[]) => unknown;
    for (const list of argumentLists)
      expectRefused(`${name}(${list.map(show).join(", ")})`, () => Reflect.apply(method, target, list));
  }
}

describe("fault D6: a wrong argument throws INVALID_ARGUMENT at once:", () => {
  const modules: readonly (readonly [string, object, Calls])[] = [
    ["@wsession/core", core, lists.coreCalls],
    ["@wsession/core/runtime", port, lists.portCalls],
    ["@wsession/adapter-ws", adapterWs, adapterLists.wsCalls],
    ["@wsession/adapter-uws", adapterUws, adapterLists.uwsCalls],
    ["@wsession/adapter-bun", adapterBun, adapterLists.bunCalls],
    ["@wsession/store-redis", storeRedis, redisLists.redisCalls],
    ["@wsession/store-redis/inspection", inspection, redisLists.inspectionCalls],
    ["@wsession/conformance", conformance, conformanceCalls],
    ["@wsession/http", http, httpLists.httpCalls],
  ];

  test.each(modules)("every exported function of %s", (_, module, calls) => {
    expect(Object.keys(calls).toSorted()).toEqual(Object.keys(module).toSorted());
    refusesAll(module, calls);
  });

  test("every member of RedisInspection, and nothing is sent", async () => {
    const client = new Redis({ lazyConnect: true });
    const target = inspection.redisInspection({ client });
    const members = await membersOf("store-redis/src/inspection/contract.ts", "RedisInspection");
    expect(Object.keys(redisLists.inspectionMemberCalls).toSorted()).toEqual(members.toSorted());
    refusesAll(target, redisLists.inspectionMemberCalls);
    target.close();
    client.disconnect();
  });

  test("cookieToken().write, which HTTP code calls, and isTokenProtocol", () => {
    const { write } = core.cookieToken();
    refusesAll(
      { write },
      {
        write: [
          ...lists.each([undefined, ...wrongFor.string, "a;b", "a b", "a\r\nb"]).map(([token]) => [token, 1]),
          ...lists.each([undefined, "1", null, NaN, {}], "token"),
        ],
      },
    );
    refusesAll(core.protocolToken(), { isTokenProtocol: lists.each([undefined, ...wrongFor.string]) });
    expect(write("", 0)[1]).toContain("Max-Age=0");
    expect(core.cookieToken().read({ headers: {}, url: "/", protocols: [] } as never)).toBeUndefined();
  });

  test("every member of HttpSessions, and no session is created", async () => {
    const sessions = core.createSessions({ store: core.mapStore() });
    const target = http.httpSessions(sessions, { cookie: core.cookieToken() });
    expect(Object.keys(httpLists.httpSessionsCalls).toSorted()).toEqual(
      [...new Set(await membersOf("http/src/contract.ts", "HttpSessions"))].toSorted(),
    );
    refusesAll(target, httpLists.httpSessionsCalls);
    expect(sessions.diagnostics.sessionsCreated).toBe(0);
  });

  describe.each(runtimeNames)("on %s,", (runtime) => {
    const members: Record<string, string[]> = {};
    beforeAll(async () => {
      for (const type of ["Session", "Connection"])
        members[type] = await membersOf("core/src/api/contract.ts", type);
      members["Sessions"] = await membersOf("core/src/api/sessions.ts", "Sessions");
      members["Binding"] = await membersOf("core/src/api/runtime.ts", "Binding");
    });

    async function open() {
      const sessions = core.createSessions({ store: core.mapStore(), initial: () => ({ n: 0 }) });
      const { port: number, binding } = await serve(runtime, sessions, {
        message: (conn, text) => void conn.send(text),
      });
      const client = await connect({ port: number });
      const [connection = expect.fail("no connection")]: Connection<{ n: number }>[] = [
        ...sessions.connections,
      ];
      const session: Session<{ n: number }> = connection.session ?? expect.fail("no session");
      return { sessions, binding, client, connection, session };
    }

    test("every member of Sessions, Session, Connection and Binding, and nothing is changed", async () => {
      const { sessions, binding, client, connection, session } = await open();
      for (const [type, target, calls] of [
        ["Sessions", sessions, lists.sessionsCalls],
        ["Session", session, lists.sessionCalls],
        ["Connection", connection, lists.connectionCalls],
        ["Binding", binding, lists.bindingCalls],
      ] as const) {
        expect(Object.keys(calls).toSorted()).toEqual(members[type]?.toSorted());
        refusesAll(target, calls);
      }
      expect(session).toMatchObject({ version: 1, subject: undefined, data: { n: 0 } });
      client.send("still there");
      expect(await client.next()).toBe("still there");
    });

    test("every member of Transaction, with INVALID_DATA for data, and nothing is staged", async () => {
      expect(Object.keys(lists.transactionCalls).toSorted()).toEqual(
        (await membersOf("core/src/api/transaction.ts", "Transaction")).toSorted(),
      );
      const sessions = core.createSessions({
        store: core.mapStore(),
        initial: () => ({ n: 0 }),
        onError: (error) => void failures.push(error),
      });
      const failures: unknown[] = [];
      const { port: number } = await serve(runtime, sessions, {
        transaction(tx) {
          const rejected = Promise.reject(new Error("nobody waits"));
          const wrong = [undefined, null, 5, "x", true, Symbol("s"), () => 1, rejected];
          refusesAll(tx, lists.transactionCalls);
          const invalid = expect.objectContaining({ code: "INVALID_DATA" });
          for (const data of wrong as never[]) expect(() => tx.set(data)).toThrow(invalid);
          for (const fields of [...wrong, [], new Map([["n", 1]]), new Date()] as never[])
            expect(() => tx.patch(fields)).toThrow(invalid);
          for (const next of [null, 5, Promise.reject(new Error("x"))] as never[])
            expect(() => tx.update(() => next)).toThrow(
              expect.objectContaining({ code: "INVALID_ARGUMENT" }),
            );
        },
      });
      const offer = { protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] };
      const peer = conformance.FramedPeer.over(await connect({ port: number }, "/", offer));
      peer.attach();
      await peer.until("hello");
      peer.sendCounted("go");
      const reported = await peer.next();
      expect(failures).toEqual([]);
      expect(reported).toMatchObject({ type: "applied", number: 1 });
      const [connection] = sessions.connections;
      expect(connection?.session).toMatchObject({ version: 1, data: { n: 0 } });
    });

    test("invalid data, such as a promise without await, rejects with INVALID_DATA instead", async () => {
      const { sessions, connection, session } = await open();
      const wrong = [
        undefined,
        null,
        5,
        "x",
        true,
        Symbol("s"),
        () => 1,
        Promise.reject(new Error("nobody waits")),
      ];
      for (const data of wrong as never[])
        for (const write of [session.set(data), sessions.create(data), connection.setSession(data)])
          await expect(write).rejects.toMatchObject({ code: "INVALID_DATA" });
      for (const fields of [...wrong, [], new Map([["n", 1]]), new Date()] as never[])
        await expect(session.patch(fields)).rejects.toMatchObject({ code: "INVALID_DATA" });
      expect(session).toMatchObject({ version: 1, data: { n: 0 } });
    });

    test("a number after the last parameter is ignored, because Array.prototype.map passes an index", async () => {
      const { sessions, connection, session } = await open();
      expect(await Promise.all([session.id].map(sessions.get, sessions))).toHaveLength(1);
      expect(["a", "b"].map(connection.send, connection)).toEqual(["sent", "sent"]);
    });
  });
});
