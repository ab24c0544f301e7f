import { randomBytes } from "node:crypto";
import { createSessions } from "@wsession/core";
import type { Session } from "@wsession/core";
import { type RedisClient, redisStore } from "@wsession/store-redis";
import { RedisStore } from "connect-redis";
import { Cookie } from "express-session";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { createClient } from "redis";
import { type SentCommands, watchStore } from "../kit/counted-client.ts";
import { sampleData } from "../kit/sample-data.ts";
import type { SampleData } from "../kit/sample-data.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

/** Makes one atomic change of the session with this index. */
export interface Updates {
  update(index: number): Promise<unknown>;
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/** `session.update`, as an application calls it. */
export function wsessionUpdates(port: number, count: number): Promise<Updates> {
  const client = new Redis(port, HOST);
  return updatesWith(client, () => client.disconnect(), count);
}

/** The same with a client of iovalkey. */
export function iovalkeyUpdates(port: number, count: number): Promise<Updates> {
  const client = new Valkey(port, HOST);
  return updatesWith(client, () => client.disconnect(), count);
}

/** The same with a client of node-redis. */
export async function nodeRedisUpdates(port: number, count: number): Promise<Updates> {
  const client = createClient({ socket: { port, host: HOST } });
  await client.connect();
  return updatesWith(client, () => client.destroy(), count);
}

async function updatesWith(client: RedisClient, end: () => void, count: number): Promise<Updates> {
  const { sessions, close } = open(client, end);
  const handles: Session<SampleData>[] = [];
  for (let index = 0; index < count; index += 1)
    handles.push((await sessions.create(sampleData(index, false))).session);
  return {
    update: (index) =>
      handles[index]?.update((data) => ({ ...data, visits: data.visits + 1 })) ?? Promise.reject(unknown()),
    close,
  };
}

/**
 * Calls the store's script directly: one command for each change, with the arguments that the store sends.
 * The arguments have the order of the script's header. The run fails if an answer is not the next version.
 */
export async function scriptUpdates(port: number, count: number): Promise<Updates> {
  const client = new Redis(port, HOST);
  const sent = watchStore(client);
  const { sessions, close } = open(client, () => client.disconnect());
  const known: { key: string; version: number; lineage: number; visits: number }[] = [];
  let template: readonly string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { session } = await sessions.create(sampleData(index, false));
    let visits: number;
    // Another command, such as the renewal of the lease, may be sent between the update and its answer.
    do {
      ({ visits } = await session.update((data) => ({ ...data, visits: data.visits + 1 })));
      template = sent.last;
    } while (template[3]?.includes(session.id) !== true);
    const [, , , key = "", , , , , , , lineage] = template;
    known.push({ key, version: session.version, lineage: Number(lineage), visits });
  }
  const [, digest = "", keys = "", , , , , , , , , ...rest] = template;
  if (keys !== "1" || rest.at(-3) !== "d:visits" || rest.at(-1) !== "")
    throw new Error(`the write script is called differently now: ${template.join(" ")}`);
  // The last argument names the sharded channel of a Cluster. It is empty on a single server.
  const fixed = rest.slice(0, -2);
  const writer = "bench";
  let sequence = 0;
  return {
    async update(index) {
      const session = known[index];
      if (session === undefined) throw unknown();
      const { key, version, lineage, visits } = session;
      const notAfter = String(Date.now() + PATIENCE_MS);
      const next = Math.trunc(Math.random() * 2 ** 31);
      sequence += 1;
      const basis = [version, version, lineage, next].map(String);
      const args = [notAfter, writer, String(sequence), ...basis, ...fixed];
      const answer = await client.evalsha(digest, 1, key, ...args, String(visits + 1), "");
      if (answer !== version + 1) throw new Error(`the script answered ${String(answer)}`);
      session.version = answer;
      session.lineage = next;
      session.visits += 1;
    },
    close,
  };
}

/** The usual way with connect-redis: read all, change it, write all. Two callers at the same time lose a change. */
export async function connectRedisUpdates(port: number, count: number): Promise<Updates> {
  const client = createClient({ socket: { port, host: HOST } });
  await client.connect();
  const store = new RedisStore({ client });
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const id = randomBytes(24).toString("base64url");
    await store.set(id, { cookie: new Cookie(), ...sampleData(index, false) });
    ids.push(id);
  }
  return {
    async update(index) {
      const id = ids[index];
      if (id === undefined) throw unknown();
      const session = await store.get(id);
      session.visits += 1;
      await store.set(id, session);
    },
    close: async () => client.destroy(),
  };
}

/** One session that is written in bursts and read. `sent` has the commands of its client. */
export async function hotSession(port: number): Promise<{
  session: Session<SampleData>;
  sent: SentCommands;
  close(): Promise<void>;
}> {
  const client = new Redis(port, HOST);
  const sent = watchStore(client);
  const { sessions, close } = open(client, () => client.disconnect());
  const { session } = await sessions.create(sampleData(0, false));
  return { session, sent, close };
}

function open(client: RedisClient, end: () => void) {
  const sessions = createSessions<SampleData>({ store: redisStore({ client, timeoutMs: PATIENCE_MS }) });
  const close = async (): Promise<void> => {
    await sessions.close();
    end();
  };
  return { sessions, close };
}

function unknown(): Error {
  return new Error("there is no session of this number");
}
