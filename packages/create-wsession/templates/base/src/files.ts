/** The files of the page. */
import { readFile } from "node:fs/promises";

const types = new Map([
  ["/index.html", "text/html; charset=utf-8"],
  ["/page.js", "text/javascript; charset=utf-8"],
]);

export async function serveFile(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const path = pathname === "/" ? "/index.html" : pathname;
  const type = types.get(path);
  if (type === undefined) return new Response("Not found", { status: 404 });
  const file = await readFile(new URL(`./public${path}`, import.meta.url));
  return new Response(file, { headers: { "content-type": type, "cache-control": "no-cache" } });
}
