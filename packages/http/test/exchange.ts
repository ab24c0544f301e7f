import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

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
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers });
}
