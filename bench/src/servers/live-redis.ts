// Live sessions in Redis, each with a connection and a subject: for what they take there.
import { bindSessions } from "@wsession/adapter-uws";
import { accept, createSessions, queryToken } from "@wsession/core";
import { redisStore } from "@wsession/store-redis";
import { Redis } from "ioredis";
import uWS from "uWebSockets.js";
import { sampleData } from "../kit/sample-data.ts";
import { listenUws } from "./listen.ts";

const [port = "", size = "small"] = process.argv.slice(2);
const client = new Redis(Number(port), "127.0.0.1");
let errors = 0;

const sessions = createSessions({
  store: redisStore({ client }),
  token: queryToken(),
  admit: ({ url }) => accept({ subject: `user${url}` }),
  initial: ({ url }) => sampleData(Number(url.slice(1)), size === "large"),
  onError: () => {
    errors += 1;
  },
});

const app = uWS.App();
bindSessions(app, "/*", sessions, {});
listenUws(app, { errors: () => ({ errors }) });
