// A process that is restarted under load. Its transactions count what was lost and doubled. Arguments: ports, drainMs.
import { createServer } from "node:http";
import { bindSessions } from "@wsession/adapter-ws";
import { createSessions, protocolToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { serve } from "../kit/child.ts";
import { PATIENCE_MS } from "../kit/patience.ts";

const [redis = "", port = "", drainMs = ""] = process.argv.slice(2);
const sessions = createSessions({
  store: redisStore({ client: new Redis(Number(redis), "127.0.0.1"), timeoutMs: PATIENCE_MS }),
  token: protocolToken(),
  initial: () => ({ next: 0, lost: 0, doubled: 0 }),
});
const http = createServer();
bindSessions(new WebSocketServer({ server: http }), sessions, {
  transaction(tx, message) {
    const number = Number(message);
    tx.update(({ next, lost, doubled }) =>
      number < next
        ? { next, lost, doubled: doubled + 1 }
        : { next: number + 1, lost: lost + number - next, doubled },
    );
  },
});
http.listen(Number(port), "127.0.0.1", () => serve(Number(port)));
process.on("SIGTERM", () => {
  void sessions.close({ handover: true, drainMs: Number(drainMs) }).then(() => process.exit(0));
});
