// Serves the built site on this machine alone.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

/** @type {Readonly<Record<string, string>>} */
const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/**
 * Resolves with the server when it listens on 127.0.0.1.
 *
 * @param {string} folder
 * @param {number} port 0 for any
 * @param {string} base the folder on the server, with a slash at both ends
 * @returns {Promise<import("node:http").Server>}
 */
export function serve(folder, port, base) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const file = pathname.startsWith(base) ? fileFor(folder, pathname.slice(base.length)) : undefined;
    const found = file ?? join(folder, "404.html");
    response.writeHead(file === undefined ? 404 : 200, {
      "content-type": types[extname(found)] ?? "application/octet-stream",
    });
    createReadStream(found).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", () => resolve(server));
  });
}

/**
 * @param {string} folder
 * @param {string} pathname
 */
function fileFor(folder, pathname) {
  let decoded;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  // `normalize` keeps an absolute path inside the folder: `/../x` is `/x`.
  const place = join(folder, normalize(`/${decoded}`));
  const candidates = [place, join(place, "index.html"), `${place}.html`];
  return candidates.find((path) => existsSync(path) && statSync(path).isFile());
}
