/** What the server answers over HTTP: the login, and the files of the page. */
import { httpSessions, isHttpSessionError } from "@wsession/http";
import { cookie } from "./config.ts";
import { serveFile } from "./files.ts";
import { readJson } from "./requests.ts";
import type { AppSessions } from "./sessions.ts";
import { checkPassword } from "./users.ts";

export function routesOf(sessions: AppSessions) {
  const http = httpSessions(sessions, { cookie });

  async function login(request: Request): Promise<Response> {
    const user = await checkPassword(await readJson(request));
    if (user === undefined) return new Response("The name or the password is wrong", { status: 401 });
    const headers = new Headers();
    await http.login(request, headers, { user, clicks: 0 }, { subject: user });
    return new Response(null, { status: 204, headers });
  }

  async function logout(request: Request): Promise<Response> {
    const headers = new Headers();
    // Closes the WebSockets of this login. To end all logins of the user, call sessions.destroySubject(user).
    await http.logout(request, headers);
    return new Response(null, { status: 204, headers });
  }

  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    try {
      if (request.method === "POST" && pathname === "/login") return await login(request);
      if (request.method === "POST" && pathname === "/logout") return await logout(request);
      return await serveFile(request);
    } catch (error) {
      if (isHttpSessionError(error)) return new Response(null, { status: error.status });
      throw error;
    }
  };
}
