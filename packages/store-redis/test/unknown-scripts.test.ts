import { expect, test } from "vitest";
import { aCreation, aWrite } from "./fake-host.ts";
import { startProcess } from "./processes.ts";
import { useRedisServer } from "./shared-servers.ts";

const server = useRedisServer();

test("I11: changes that are sent together are all applied, also if the server gets their script from another process meanwhile", async () => {
  const [one, other] = [startProcess(server), startProcess(server)];
  const { id } = aCreation();
  await one.store.create(aCreation({ id }));
  let version = 1;
  for (let round = 0; round < 40; round += 1) {
    // As after a restart or a failover: the server has no script.
    await one.client.call("SCRIPT", "FLUSH");
    const writes = Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? one : other).store.write(aWrite(id, { [`n${n}`]: round })),
    );
    for (const write of await Promise.all(writes)) expect(write.type).toBe("written");
    version += writes.length;
  }
  expect((await one.store.load(id))?.version).toBe(version);
});
