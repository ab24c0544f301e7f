import { parseArgs } from "node:util";
import { DemoFailure } from "./failure.ts";
import { readRedisUrl } from "./redis-url.ts";

export interface Arguments {
  /** The port of the page. The servers use the next ports. With 0 the demo uses free ports. */
  readonly port: number;
  /** A URL; "start" if the demo starts a Redis itself. */
  readonly redis: string | undefined;
  readonly processes: number;
  readonly help: boolean;
}

export const HELP = `npm run demo -- [--port N] [--redis [URL] [--processes N]]

  --port N        the page's port, 4080 by default; the servers beside it take the next ones; 0 takes free ones
  --redis URL     several processes share the sessions in that Redis, e.g. redis://127.0.0.1:6379
  --redis         the same, on a redis-server that the demo starts and ends
  --processes N   how many, 4 by default, in turn ws and uWebSockets.js
`;

const MOST_PROCESSES = 16;

/** Throws DemoFailure for an unknown or invalid argument. The failure repeats no value: a value may contain a password. */
export function readArguments(args: readonly string[]): Arguments {
  const { port, redis, processes, help } = parse(args);
  if (processes !== undefined && redis === undefined) {
    throw new DemoFailure(
      "--processes needs --redis URL: without a Redis the sessions are in one process's map.",
    );
  }
  return {
    port: wholeNumber("--port", port ?? "4080", 0, 65_535 - MOST_PROCESSES),
    redis: redis === undefined || redis === "start" ? redis : readRedisUrl(redis),
    processes: wholeNumber("--processes", processes ?? "4", 1, MOST_PROCESSES),
    help,
  };
}

/** `--redis` without a URL means that the demo starts a Redis. */
function withStart(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    const next = args[index + 1];
    return arg === "--redis" && (next === undefined || next.startsWith("--")) ? "--redis=start" : arg;
  });
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: withStart(args),
      options: {
        port: { type: "string" },
        redis: { type: "string" },
        processes: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (error) {
    // Only the name of an option is repeated, because the rest of Node's message may quote a password.
    const option =
      error instanceof Error ? /'(?:-\w, )?(--?[\w-]{1,30})/.exec(error.message)?.[1] : undefined;
    const sentence =
      option === undefined ? "The arguments can't be read." : `The option ${option} can't be read.`;
    throw new DemoFailure(`${sentence}\n\n${HELP}`);
  }
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new DemoFailure(`${name} takes a whole number from ${least} to ${most}.`);
}
