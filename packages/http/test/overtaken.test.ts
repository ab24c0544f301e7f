/** What happens between two steps of a login, a logout or a renewal: a destruction of the user's sessions, or a shutdown. */
import { cookieToken, createSessions, isSessionError, mapStore } from "@wsession/core";
import type { SessionStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { describe, expect, onTestFinished, test } from "vitest";
import { newGap } from "../../../tests/gaps.ts";
import { withGap } from "../../../tests/held.ts";
import { newPrefix, openStore } from "../../../tests/stores.ts";
import { useRedisServer } from "../../store-redis/test/shared-servers.ts";

const redis = useRedisServer();
const cookie = cookieToken({ name: "app", secure: false });
const origin = "https://app.example.com";
const ADA = { subject: "ada" };

type Step = Parameters<typeof withGap>[1];
const steps = ["resume", "create", "rotate"] as const satisfies readonly Step[];

function requestWith(token: string): Request {
  return new Request(origin, { method: "POST", headers: { origin, cookie: `app=${token}` } });
}

function open(store: SessionStore) {
  const sessions = createSessions<{ readonly n: number }>({ store, token: cookie, origins: [origin] });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie }) };
}

async function idsOf(store: SessionStore): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of await store.ids()) ids.push(id);
  return ids;
}

/** Sessions with a gap in one step, and the token of an anonymous session; on Redis the same sessions in another process too. */
async function prepare(name: "map" | "redis", step: Step, when: "before" | "after") {
  const gap = newGap();
  const prefix = newPrefix();
  const store = name === "map" ? mapStore() : openStore("redis", redis.port, { prefix });
  const here = open(withGap(store, step, when, gap));
  const elsewhere = name === "map" ? here : open(openStore("redis", redis.port, { prefix }));
  // In the step "create" the login has no session from before.
  const token = step === "create" ? "none" : (await elsewhere.sessions.create({ n: 0 })).token;
  return { gap, store, here, elsewhere, request: requestWith(token), headers: new Headers() };
}

/** The data and the lifetimes of the login are stored once the anonymous session has the subject. */
const loginSteps = [...steps, "write", "touch"] as const;
const moments = loginSteps.flatMap((step) =>
  (["before", "after"] as const).map((when) => [when, step] as const),
);

describe("a destroySubject between two steps of a login leaves no session of the user (fault A1),", () => {
  const cases = moments.flatMap(([when, step]) => [
    [when, step, "here", "map"] as const,
    [when, step, "elsewhere", "redis"] as const,
  ]);

  test.each(cases)("%s the store's %s, %s", async (when, step, place, store) => {
    const { gap, here, elsewhere, request, headers } = await prepare(store, step, when);
    const login = here.http.login(request, headers, { n: 1 }, ADA).catch((error: unknown) => error);
    await gap.reached;
    await (place === "here" ? here : elsewhere).sessions.destroySubject("ada");
    gap.letGo();
    const outcome = await login;
    for (const { sessions } of [here, elsewhere]) expect(await sessions.bySubject("ada")).toEqual([]);
    // The session existed already, and this process got no announcement of its end: the cookie opens nothing.
    if ((step === "create" || step === "touch") && when === "after" && place === "elsewhere") return;
    expect(isSessionError(outcome, "REVOKED")).toBe(true);
    expect(headers.getSetCookie()).toEqual([]);
  });

  test("while the session of the browser's earlier login is opened", async () => {
    const { gap, here, headers } = await prepare("map", "resume", "after");
    const { token } = await here.sessions.create({ n: 0 }, { subject: "bob" });
    const login = here.http.login(requestWith(token), headers, { n: 1 }, ADA);
    await gap.reached;
    await here.sessions.destroySubject("ada");
    gap.letGo();
    await expect(login).rejects.toMatchObject({ code: "REVOKED" });
    expect(await here.sessions.bySubject("ada")).toEqual([]);
  });
});

describe("a destruction of the anonymous session between two steps of a login: the login continues with a new session,", () => {
  const cases = (["write", "touch"] as const).flatMap((step) => [
    [step, "map"] as const,
    [step, "redis"] as const,
  ]);

  test.each(cases)("before the store's %s, %s", async (step, store) => {
    const { gap, here, elsewhere, request, headers } = await prepare(store, step, "before");
    const login = here.http.login(request, headers, { n: 1 }, ADA);
    await gap.reached;
    const [anonymous] = await elsewhere.sessions.bySubject("ada");
    await anonymous?.destroy("logged out");
    gap.letGo();
    const { id, data } = await login;
    expect(id).not.toBe(anonymous?.id);
    expect(data).toEqual({ n: 1 });
    expect((await elsewhere.sessions.bySubject("ada")).map((session) => session.id)).toEqual([id]);
    expect(headers.getSetCookie()).toHaveLength(1);
  });
});

describe.each([undefined, { handover: true, drainMs: 50 }])("close(%o) waits for", (options) => {
  test.each(steps)("a login whose %s is in progress, and the login succeeds as a whole", async (step) => {
    const { gap, store, here, request, headers } = await prepare("map", step, "after");
    const login = here.http.login(request, headers, { n: 1 }, ADA);
    await gap.reached;
    const closing = here.sessions.close(options);
    gap.letGo();
    const { id } = await login;
    await closing;
    expect(headers.getSetCookie()).toHaveLength(1);
    expect(await store.load(id)).toMatchObject({ subject: "ada", data: { n: 1 } });
  });

  test.each(["logout", "renew"] as const)(
    "a %s whose session is being opened, and the call succeeds as a whole",
    async (call) => {
      const { gap, store, here, request, headers } = await prepare("map", "resume", "after");
      const operation = here.http[call](request, headers);
      await gap.reached;
      const closing = here.sessions.close(options);
      gap.letGo();
      await operation;
      await closing;
      expect(headers.getSetCookie()).toHaveLength(1);
      expect(await idsOf(store)).toHaveLength(call === "logout" ? 0 : 1);
    },
  );
});

describe("a renewal that a logout of another tab overtakes resolves with undefined, and sets no cookie,", () => {
  const cases = (["map", "redis"] as const).flatMap((store) => [
    ["before", "resume", store] as const,
    ["after", "resume", store] as const,
    ["before", "rotate", store] as const,
  ]);

  test.each(cases)("%s the store's %s, %s", async (when, step, name) => {
    const { gap, store, here, elsewhere, request, headers } = await prepare(name, step, when);
    const renewal = here.http.renew(request, headers);
    await gap.reached;
    await elsewhere.http.logout(request.clone(), new Headers());
    expect(await idsOf(store)).toEqual([]);
    gap.letGo();
    expect(await renewal).toBe(undefined);
    expect(here.http.of(request)).toBe(undefined);
    expect(headers.getSetCookie()).toEqual([]);
  });
});
