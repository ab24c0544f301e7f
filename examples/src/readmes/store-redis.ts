// #region readme
import { createSessions } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";

const client = new Redis("redis://localhost:6379");
const sessions = createSessions({ store: redisStore({ client }), initial: () => ({ visits: 0 }) });

const { session } = await sessions.create({ visits: 0 });
const found = await sessions.get(session.id); // in any process
await Promise.all([session, found].map((one) => one?.update(({ visits }) => ({ visits: visits + 1 }))));
console.log(session.data.visits); // 2: no update is lost
// #endregion
export { client, sessions };
