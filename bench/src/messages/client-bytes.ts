// The size of a client in a page: bundled, minified and compressed by gzip. The bundle has only what the page imports.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "rolldown";
import { single } from "../kit/report.ts";
import type { Figure } from "../kit/report.ts";

const BENCH = fileURLToPath(new URL("../../", import.meta.url));
const ENTRY = "page";

const PAGES = {
  clientBytes: { code: 'export { connect } from "@wsession/client";', what: "connect of @wsession/client" },
  socketioClientBytes: { code: 'export { io } from "socket.io-client";', what: "io of socket.io-client" },
  reconnectingWebsocketBytes: {
    code: 'export { default } from "reconnecting-websocket";',
    what: "reconnecting-websocket, which only connects again",
  },
};
const MOST_BYTES = 5_120;

export async function clientBytes(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [field, { code, what }] of Object.entries(PAGES)) {
    const figure = { field, what: `${what}, min + gzip`, value: single(await bytesOnPage(code)), digits: 0 };
    figures.push(field === "clientBytes" ? { ...figure, target: { atMost: MOST_BYTES } } : figure);
  }
  return figures;
}

/** @param page the code of a module that imports the client and exports what it uses */
async function bytesOnPage(page: string): Promise<number> {
  const { output } = await build({
    cwd: BENCH,
    input: ENTRY,
    platform: "browser",
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: ENTRY,
        resolveId: (id) => (id === ENTRY ? `\0${ENTRY}` : null),
        load: (id) => (id === `\0${ENTRY}` ? page : null),
      },
    ],
    output: { format: "esm", minify: true, codeSplitting: false },
  });
  return gzipSync(output[0].code, { level: 9 }).length;
}
