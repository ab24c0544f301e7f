import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { listen } from "./listen.ts";

/** A real request with these headers, and its response, in one process with the test. */
export async function exchange(
  headers: Readonly<Record<string, string>>,
  use: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Response> {
  const server = createServer((request, response) => {
    use(request, response).then(
      () => response.end(),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  });
  return fetch(await listen(server), { method: "POST", headers });
}
