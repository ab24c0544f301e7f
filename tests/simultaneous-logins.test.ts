import { Journal } from "@wsession/conformance";
import type { Client } from "@wsession/conformance";
import { createSessions } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { expect, onTestFinished, test } from "vitest";
import { nextOf, startApplication } from "./applications.ts";
import type { Running } from "./applications.ts";
import { connect } from "./runtimes.ts";
import { newPrefix, openStore } from "./stores.ts";
import { useRedisServer } from "../packages/store-redis/test/shared-servers.ts";

const redis = useRedisServer();
const LOGINS = 20;
const ROUNDS = 1;

type Limits = Pick<SessionsOptions<object>, "exclusive" | "maxSessionsPerSubject">;

/** Three processes of both runtimes on one Redis, and the test's own view of their sessions. */
async function start(limits: Limits, timeoutMs?: number) {
  const prefix = newPrefix();
  const processes = await Promise.all(
    (["ws", "uws", "ws"] as const).map((runtime) =>
      startApplication(redis.port, prefix, runtime, limits, timeoutMs),
    ),
  );
  const sessions = createSessions({ store: openStore("redis", redis.port, { prefix }) });
  onTestFinished(() => sessions.close());
  return { processes, sessions };
}

/** Logs the subject in at all processes at once. Resolves with the clients whose handshakes were accepted. */
async function logIn(processes: readonly Running[], subject: string): Promise<readonly Client[]> {
  const logins = Array.from({ length: LOGINS }, (_, index) =>
    connect(processes[index % processes.length] ?? expect.unreachable(), `/?as=${subject}`),
  );
  const settled = await Promise.allSettled(logins);
  return settled.flatMap((login) => (login.status === "fulfilled" ? [login.value] : []));
}

/** Connects clients without a subject to all processes. Then all log in as the subject at once. */
async function identifyAll(processes: readonly Running[], subject: string): Promise<readonly Client[]> {
  const connecting = Array.from({ length: LOGINS }, (_, index) =>
    connect(processes[index % processes.length] ?? expect.unreachable()),
  );
  const clients = await Promise.all(connecting);
  await Promise.all(clients.map((client) => nextOf(client, "open")));
  for (const client of clients) client.send(JSON.stringify({ do: "identify", as: subject }));
  return clients;
}

/** Resolves once an update was applied. The answers to earlier commands, such as identify, are read before. */
async function nextDone(client: Client): Promise<void> {
  while ((await nextOf(client, "done")).data.n !== 1);
}

/** Waits until `left` of the clients are connected, and checks that the others got 4409, and that the rest can write. */
async function expectLeft(clients: readonly Client[], left: number): Promise<void> {
  const ended = new Journal<number>();
  const open = new Set(clients);
  for (const client of clients)
    void client.closed.then(({ code }) => {
      open.delete(client);
      ended.note(code);
    });
  await ended.until(clients.length - left);
  for (const client of open) {
    client.send(JSON.stringify({ do: "update", times: 1 }));
    await nextDone(client);
  }
  expect(open.size).toBe(left);
  expect(ended.entries.filter((code) => code !== 4409)).toEqual([]);
}

test('exclusive: "subject": 20 simultaneous logins, by handshake or by identify, over three processes leave exactly one connection (I13)', async () => {
  const { processes } = await start({ exclusive: "subject" });
  for (let round = 0; round < ROUNDS; round += 1) {
    await expectLeft(await logIn(processes, `ada${round}`), 1);
    await expectLeft(await identifyAll(processes, `eve${round}`), 1);
  }
});

test("maxSessionsPerSubject: 20 simultaneous logins, by handshake or by identify, over three processes leave exactly as many sessions as the limit allows", async () => {
  const { processes, sessions } = await start({ maxSessionsPerSubject: 3 });
  for (let round = 0; round < ROUNDS; round += 1) {
    const clients = await logIn(processes, `ada${round}`);
    // As soon as all handshakes are answered.
    expect(await sessions.bySubject(`ada${round}`)).toHaveLength(3);
    await expectLeft(clients, 3);
    await expectLeft(await identifyAll(processes, `eve${round}`), 3);
    expect(await sessions.bySubject(`eve${round}`)).toHaveLength(3);
  }
});

test('maxSessionsPerSubject with over: "refuse": of 20 simultaneous logins over three processes exactly as many are admitted as the limit allows', async () => {
  const { processes, sessions } = await start({ maxSessionsPerSubject: { max: 3, over: "refuse" } });
  for (let round = 0; round < ROUNDS; round += 1) {
    const clients = await logIn(processes, `ada${round}`);
    expect(await sessions.bySubject(`ada${round}`)).toHaveLength(3);
    expect(clients).toHaveLength(3);
    await expectLeft(clients, 3);
  }
});

test('exclusive: "subject": a login succeeds while the process of the earlier one is stopped, which finds itself replaced when it continues (I13)', async () => {
  const { processes } = await start({ exclusive: "subject" });
  const [stopped = expect.unreachable(), other = expect.unreachable()] = processes;
  const phone = await connect(stopped, "/?as=ada");
  await nextOf(phone, "open");
  stopped.signal("SIGSTOP");
  const laptop = await connect(other, "/?as=ada");
  await nextOf(laptop, "open");
  // Waits in the stopped process, and is fenced there.
  phone.send(JSON.stringify({ do: "update", times: 1 }));
  laptop.send(JSON.stringify({ do: "update", times: 1 }));
  expect((await nextOf(laptop, "done")).data.n).toBe(1);
  stopped.signal("SIGCONT");
  expect((await phone.closed).code).toBe(4409);
  laptop.send(JSON.stringify({ do: "update", times: 1 }));
  expect((await nextOf(laptop, "done")).data.n).toBe(2);
});

test('exclusive: "subject": a login while Redis is away is refused, and the next login ends the earlier connection and has the subject (I13)', async () => {
  const { processes } = await start({ exclusive: "subject" }, 3_000);
  const [first = expect.unreachable(), second = expect.unreachable()] = processes;
  const phone = await connect(first, "/?as=ada");
  await nextOf(phone, "open");
  // The write waits for the phone's own takeover, which Redis would not answer otherwise.
  phone.send(JSON.stringify({ do: "update", times: 1 }));
  await nextOf(phone, "done");
  redis.pause();
  onTestFinished(() => redis.continue());
  await expect(connect(second, "/?as=ada")).rejects.toThrow("503");
  redis.continue();
  const laptop = await connect(second, "/?as=ada");
  await nextOf(laptop, "open");
  expect((await phone.closed).code).toBe(4409);
  laptop.send(JSON.stringify({ do: "update", times: 1 }));
  expect((await nextOf(laptop, "done")).data.n).toBe(1);
});

test("after a process was killed during its logins the user can log in, and then has the only connection", async () => {
  const { processes } = await start({ exclusive: "subject", maxSessionsPerSubject: 30 });
  const [killed = expect.unreachable(), ...others] = processes;
  const before = logIn(processes, "ada");
  const atKilled = connect(killed, "/?as=ada").catch(() => undefined);
  await killed.kill();
  const clients = await before;
  await atKilled;
  const [survivor = expect.unreachable()] = others;
  const last = await connect(survivor, "/?as=ada");
  await nextOf(last, "open");
  last.send(JSON.stringify({ do: "update", times: 1 }));
  expect((await nextOf(last, "done")).data.n).toBe(1);
  await Promise.all(clients.map((client) => client.closed));
});
