import { type Command, Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { aCreation, aRotation, newId } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

/** Holds back some commands of a process. A call of a returned function sends one of them. */
function holdCommands({ commands: client }: Process, isHeld: (command: Command) => boolean): (() => void)[] {
  const sent = client.sendCommand.bind(client);
  const waiting: (() => void)[] = [];
  client.sendCommand = (command: Command, ...rest: []) => {
    if (!isHeld(command)) return sent(command, ...rest);
    return waiting.push(() => sent(command));
  };
  return waiting;
}

/** Steps in a session's slot that name one of `texts`: each waits until the test releases it. */
function holdBack(process: Process, texts: readonly string[]): (() => void)[] {
  return holdCommands(
    process,
    ({ name, args }) =>
      name === "evalsha" && args.some((arg) => texts.includes(String(arg))) && args[1] === "1",
  );
}

test("a creation whose first step came before a destroySubject and whose second after it is refused", async () => {
  const connect = (): Redis => new Redis(server.port);
  const [login, destroyer] = [startProcess(connect), startProcess(connect)];
  const subject = newId();
  const [creation, anonymous] = [aCreation({ subject }), aCreation()];
  await login.store.create(anonymous);
  const waiting = holdBack(login, [creation.digest ?? "", subject]);
  const results = Promise.all([
    login.store.create(creation),
    login.store.rotate(aRotation(anonymous.id, subject)),
  ]);
  while (waiting.length < 2) await new Promise(setImmediate);
  expect((await destroyer.store.destroySubject(subject, undefined)).destroyed).toEqual([]);
  for (const go of waiting) go();
  expect(await results).toEqual([{ type: "revoked" }, { type: "revoked" }]);
  expect(await destroyer.store.bySubject(subject)).toEqual([]);
  // The anonymous session was not the subject's, and lives on.
  expect((await destroyer.store.load(anonymous.id))?.subject).toBeUndefined();
});

test("a creation that is listed between the first step of a destroySubject and its reading of the index is refused as revoked, and the next creation is accepted", async () => {
  const connect = (): Redis => new Redis(server.port);
  const [login, destroyer] = [startProcess(connect), startProcess(connect)];
  const subject = newId();
  const creation = aCreation({ subject });
  const reading = holdCommands(destroyer, ({ name }) => name === "zrangebyscore");
  const destroying = destroyer.store.destroySubject(subject, undefined);
  await until(() => reading.length === 1);
  const creating = holdBack(login, [creation.digest ?? ""]);
  const created = login.store.create(creation);
  await until(() => creating.length === 1);
  for (const go of reading) go();
  expect((await destroying).destroyed).toEqual([]);
  for (const go of creating) go();
  expect(await created).toEqual({ type: "revoked" });
  expect((await login.store.create(aCreation({ subject }))).type).toBe("created");
});

describe("a login that an acknowledged destroySubject denied stays denied", () => {
  const connect = (): Redis => new Redis(server.port);

  /** A session that changed its subject, and is listed under both subjects. */
  async function aFormerSession({ store }: Process, subject: string): Promise<string> {
    const { id } = aCreation();
    await store.create(aCreation({ id }));
    await store.rotate(aRotation(id, subject));
    await store.rotate(aRotation(id, "bob", 2));
    return id;
  }

  test("even if a step of an older destroySubject comes after it", async () => {
    const [login, older, newer] = [startProcess(connect), startProcess(connect), startProcess(connect)];
    const subject = newId();
    const id = await aFormerSession(newer, subject);
    const destroying = holdBack(older, [subject]);
    const first = older.store.destroySubject(subject, undefined);
    await until(() => destroying.length === 1);
    const loggingIn = holdBack(login, [subject]);
    const late = login.store.rotate(aRotation(id, subject, 3));
    await until(() => loggingIn.length === 1);
    await newer.store.destroySubject(subject, undefined);
    for (const go of destroying) go();
    await first;
    for (const go of loggingIn) go();
    expect(await late).toEqual({ type: "revoked" });
    expect((await newer.store.load(id))?.subject).toBe("bob");
  });

  test("even if a login that began after it succeeds", async () => {
    const [login, other] = [startProcess(connect), startProcess(connect)];
    const subject = newId();
    const id = await aFormerSession(other, subject);
    const loggingIn = holdBack(login, [subject]);
    const late = login.store.rotate(aRotation(id, subject, 3));
    await until(() => loggingIn.length === 1);
    await other.store.destroySubject(subject, undefined);
    expect((await other.store.rotate(aRotation(id, subject, 3))).type).toBe("rotated");
    expect((await other.store.rotate(aRotation(id, "bob", 4))).type).toBe("rotated");
    for (const go of loggingIn) go();
    expect(await late).toEqual({ type: "revoked" });
    expect((await other.store.load(id))?.subject).toBe("bob");
  });
});
