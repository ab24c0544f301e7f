// The code of docs/guarantees.md.
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, isSessionError, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { connect, listen } from "../client.ts";

interface Data {
  readonly draft: string;
  readonly items: readonly string[];
}

export async function main(redisUrl: string): Promise<string[]> {
  const client = new Redis(redisUrl);
  // The tests also run on busy machines, where the first connection may take longer than the default of 2 s.
  const store = redisStore({ client, timeoutMs: 10_000 });
  const sessions = createSessions({
    store,
    token: queryToken(),
    initial: (): Data => ({ draft: "", items: [] }),
  });
  const { server, url } = await listen();
  bindSessions(server, sessions, {
    open: (conn) => void conn.send(conn.token ?? ""),
    // #region in-handler
    async message(conn, text) {
      try {
        await conn.session.patch({ draft: String(text) });
      } catch (error) {
        if (!isSessionError(error, "STORE_UNAVAILABLE")) throw error; // TOO_LARGE, INVALID_DATA, …: 1011
        conn.send(error.outcome === "unknown" ? "perhaps saved" : "not saved, try again");
      }
    },
    // #endregion
    change: (conn, { items }) => void conn.send(`items: ${items.join()}`),
  });
  const page = await connect(url);
  const token = await page.next();
  const session = await found(sessions.get(token.slice(0, token.indexOf("."))));
  const addItem = (data: Data) => ({ ...data, items: [...data.items, "apple"] });

  // #region outcome
  async function add(): Promise<"applied" | "not-applied" | "unknown"> {
    try {
      await session.update(addItem);
      return "applied";
    } catch (error) {
      if (!isSessionError(error)) throw error;
      return error.outcome === "unknown" ? store.outcome(error) : "not-applied";
    }
  }
  // #endregion

  const change = (data: Data) => ({ ...data, draft: "written" });
  const waited = async () => {
    // #region wait
    await session.update(change);
    // Replication is one stream. A replica that has the mark has the change too.
    await client.set("mark", "1");
    await client.wait(1, 100);
    // #endregion
  };
  const lines: string[] = [await add(), await page.next()];
  await waited();
  lines.push(session.data.draft);
  await page.close();
  await sessions.close();
  server.close();
  await client.quit();
  return lines;
}

async function found<Value>(promise: Promise<Value | undefined>): Promise<Value> {
  const value = await promise;
  if (value === undefined) throw new Error("the session is gone");
  return value;
}
