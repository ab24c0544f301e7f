import { type Command, Redis } from "ioredis";
import { expect, test } from "vitest";
import { aCreation, aRotation, newId } from "./fake-host.ts";
import { type Process, startProcess } from "./processes.ts";
import { until } from "./redis-server.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

const connect = (): Redis => new Redis(server.port, "127.0.0.1");

/** Holds the next script with `keys` keys and `word` among its words back, until the returned function is called. */
function holdNext({ commands }: Process, keys: number, word: string) {
  const send = commands.sendCommand.bind(commands);
  let go: (() => void) | undefined;
  commands.sendCommand = (command: Command, ...rest: []) => {
    const isIt = command.args.some((arg) => String(arg) === word) && String(command.args[1]) === String(keys);
    if (!isIt || go !== undefined) return send(command, ...rest);
    go = () => {
      commands.sendCommand = send;
      // The command is sent alone, because its batch was sent already.
      void send(command);
    };
    return command.promise;
  };
  return {
    arrived: () => until(() => go !== undefined),
    go: () => go?.(),
  };
}

test("I9 a login that adds its index entry again because the absolute deadline moved does not escape a destroySubject in between", async () => {
  const [login, other] = [startProcess(connect), startProcess(connect)];
  const subject = newId();
  const { id } = aCreation();
  await login.store.create(aCreation({ id, idleMs: 60_000, absoluteMs: 60_000 }));
  const firstTry = holdNext(login, 1, subject);
  const identifying = login.store.rotate(aRotation(id, subject));
  await firstTry.arrived();
  expect(await other.store.touch(id, 600_000, 600_000)).toBe(true);
  // The two keys are the subject's index and its epoch.
  firstTry.go();
  const secondListing = holdNext(login, 2, id);
  await secondListing.arrived();
  expect((await other.store.destroySubject(subject, undefined)).destroyed).toEqual([]);
  secondListing.go();
  expect(await identifying).toEqual({ type: "revoked" });
  expect((await other.store.load(id))?.subject).toBeUndefined();
  expect(await other.store.bySubject(subject)).toEqual([]);
});
