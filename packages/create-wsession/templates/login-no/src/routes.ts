/** What the server answers over HTTP. */
import { serveFile } from "./files.ts";
import type { AppSessions } from "./sessions.ts";

export function routesOf(_sessions: AppSessions) {
  return async (request: Request): Promise<Response> => serveFile(request);
}
