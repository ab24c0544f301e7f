/** The client in Node, with a browser's cookies. */
import { connect } from "@wsession/client";
import type { ClientOptions, WebSocketClass } from "@wsession/client";
import { watch } from "@wsession/conformance";
import type { WatchedClient } from "@wsession/conformance";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

/** The cookies of one browser: ws sends none by itself. */
export class Cookies {
  readonly #values = new Map<string, string>();

  get header(): string {
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** A class of WebSocket that keeps and sends them. */
  get WebSocket(): WebSocketClass {
    const keep = (lines: readonly string[] = []) => {
      for (const line of lines) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        this.#values.set(name, value);
      }
    };
    const header = () => this.header;
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols, { headers: { cookie: header() } });
        this.on("upgrade", (response) => keep(response.headers["set-cookie"]));
      }
    };
  }
}

/** A client that is quick to come back; gone when the test is. */
export function open(
  { port }: { readonly port: number },
  options: ClientOptions = {},
  path = "/",
): WatchedClient {
  const client = connect(`ws://127.0.0.1:${port}${path}`, {
    WebSocket,
    backoff: { minMs: 10, maxMs: 50 },
    ...options,
  });
  onTestFinished(() => client.close());
  return watch(client);
}
