/** The operator's routes: a stream of overviews, and the operator's actions. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Board } from "./board.ts";
import { ACTIONS } from "./contract.ts";
import type { Action } from "./contract.ts";

const EVENTS_PATH = "/operator/events";
const ACTION = /^\/operator\/(?:processes\/(\d{1,2})\/)?([a-z-]{4,12})$/;

export interface OperatorRoutes {
  readonly board: Board;
  /** The exact origins of the page, because another site's form could kill processes too. */
  readonly origins: readonly string[];
  /** Returns the reason if the action isn't possible. `process` is `undefined` for Redis. */
  readonly act: (action: Action, process: number | undefined) => Promise<string | undefined>;
}

/** Returns whether the path is one of the operator's. */
export function serveOperator(
  { board, origins, act }: OperatorRoutes,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (path === EVENTS_PATH && request.method === "GET") {
    if (isFromHere(request, origins)) stream(board, response);
    else end(response, 403, "This page is for the machine that runs the demo.");
    return true;
  }
  const [, number, name] = ACTION.exec(path) ?? [];
  const action = ACTIONS.find((known) => known === name);
  if (action === undefined || request.method !== "POST") return false;
  if (!origins.includes(request.headers.origin ?? "")) {
    end(response, 403, "Only the operator's page may do this.");
    return true;
  }
  act(action, number === undefined ? undefined : Number(number)).then(
    (reason) => (reason === undefined ? end(response, 204, "") : end(response, 409, reason)),
    (error: unknown) => end(response, 500, error instanceof Error ? error.message : String(error)),
  );
  return true;
}

/** A name of another site may resolve to the loopback address (DNS rebinding), so the host is checked too. */
export function isFromHere({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  return origins.includes(`http://${headers.host ?? ""}`);
}

function stream(board: Board, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let hasSkipped = false;
  const stop = board.listen((overview) => {
    // A page that does not read would make this process keep one overview more each second.
    if (response.writableNeedDrain) {
      hasSkipped = true;
      return;
    }
    const next = hasSkipped ? board.overview() : overview;
    hasSkipped = false;
    response.write(`data: ${JSON.stringify(next)}\n\n`);
  });
  response.on("close", stop);
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}
