/** Processes of ws, of uWebSockets.js and of Bun on one Redis: a part of `npm run test:runtimes`, which installs Bun. */
import { expect, test } from "vitest";
import { useRedisServer } from "../../packages/store-redis/test/shared-servers.ts";
import { nextOf, startApplication } from "../applications.ts";
import { connect } from "../runtimes.ts";
import { newPrefix } from "../stores.ts";

const redis = useRedisServer();
const command = (what: object) => JSON.stringify(what);

test("a session goes between ws, uWebSockets.js and Bun in each direction, with its data; a change reaches all three (I8), and so does its end (I9)", async () => {
  const prefix = newPrefix();
  const [ws, uws, bun] = await Promise.all(
    (["ws", "uws", "bun"] as const).map((runtime) => startApplication(redis.port, prefix, runtime)),
  );
  if (ws === undefined || uws === undefined || bun === undefined) throw new Error("a process is missing");
  const born = await connect(ws);
  const { id, token, resumed } = await nextOf(born, "open");
  expect(resumed).toBe(false);
  born.socket.close();
  await born.closed;

  const path = `/?token=${token}`;
  let n = 0;
  // Each of the six ways from one to another.
  for (const to of [uws, bun, ws, bun, uws, ws]) {
    const client = await connect(to, path);
    expect(await nextOf(client, "open")).toMatchObject({ id, resumed: true, data: { n } });
    client.send(command({ do: "update", times: 1 }));
    n += 1;
    expect(await nextOf(client, "done")).toMatchObject({ data: { n } });
    client.socket.close();
    await client.closed;
  }

  const clients = await Promise.all([ws, uws, bun].map((each) => connect(each, path)));
  for (const client of clients) await nextOf(client, "open");
  for (const changing of clients) {
    n += 10;
    changing.send(command({ do: "patch", fields: { n } }));
    const others = clients.filter((client) => client !== changing);
    for (const other of others) expect((await nextOf(other, "change")).data).toEqual({ n });
  }
  clients[2]?.send(command({ do: "destroy" }));
  const ended = { code: 4410, reason: "by command" };
  expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([ended, ended, ended]);

  const late = await connect(bun, path);
  expect((await nextOf(late, "open")).resumed).toBe(false);
});
