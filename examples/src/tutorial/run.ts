/** `npm run tutorial -- 3`: runs the program of one step, and prints its lines. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import process from "node:process";

const REDIS_URL = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";
/** The step that needs a Redis server. */
const REDIS_STEP = 8;

interface Step {
  main(redisUrl: string): Promise<string[]>;
}

const files = readdirSync(import.meta.dirname)
  .filter((name) => /^step-\d\d-.*\.js$/.test(name))
  .toSorted();

async function run([argument = "", ...more]: readonly string[]): Promise<void> {
  const number = Number(argument);
  const file = /^\d+$/.test(argument) ? files[number - 1] : undefined;
  if (file === undefined || more.length > 0) {
    console.error(`npm run tutorial -- STEP: one step, from 1 to ${files.length}. See docs/tutorial.md.`);
    process.exitCode = 2;
  } else if (number === REDIS_STEP && !URL.canParse(REDIS_URL)) {
    console.error("REDIS_URL is not a URL, as redis://127.0.0.1:6379 is.");
    process.exitCode = 2;
  } else if (number === REDIS_STEP && !(await isReachable(new URL(REDIS_URL)))) {
    // The host alone, because the URL may have a password.
    const { host } = new URL(REDIS_URL);
    console.error(`Step ${number} needs a Redis server at ${host}: start redis-server, or set REDIS_URL.`);
    process.exitCode = 1;
  } else {
    const { main }: Step = await import(`./${file}`);
    for (const line of await main(REDIS_URL)) console.log(line);
  }
}

/** Asked first, because the client of Redis tries again for ever. */
async function isReachable({ hostname, port }: URL): Promise<boolean> {
  const socket = connect(Number(port || "6379"), hostname);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

await run(process.argv.slice(2));
