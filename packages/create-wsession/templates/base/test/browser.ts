/** A browser in a few lines: it keeps the cookie of the server, and sends it with each request and each WebSocket. */
import { connect } from "@wsession/client";
import type { Client } from "@wsession/client";
import { WebSocket } from "ws";

export class Browser {
  cookie = "";
  readonly #origin: string;
  readonly #clients: Client[] = [];

  constructor(port: number) {
    this.#origin = `http://localhost:${port}`;
  }

  async fetch(path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.#origin}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { origin: this.#origin, cookie: this.cookie, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    this.#keep(response.headers.getSetCookie());
    return response;
  }

  connect(): Client {
    const keep = (lines: readonly string[]) => this.#keep(lines);
    const headers = () => ({ origin: this.#origin, cookie: this.cookie });
    class Socket extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, { headers: headers() });
        this.once("upgrade", (response) => keep(response.headers["set-cookie"] ?? []));
      }
    }
    const client = connect(`${this.#origin.replace("http", "ws")}/live`, { WebSocket: Socket });
    this.#clients.push(client);
    return client;
  }

  /** Ends the clients, which would connect again for ever. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines) this.cookie = line.split(";")[0] ?? "";
  }
}

/** Resolves once a message of the server says so many clicks. */
export async function clicks(client: Client, count: number): Promise<void> {
  await new Promise<void>((resolve) => {
    client.on("message", ({ data }) => {
      if (JSON.parse(String(data)).clicks === count) resolve();
    });
  });
}

/** Resolves with why the client has closed for good. */
export async function closed(client: Client): Promise<string> {
  return new Promise((resolve) => {
    client.on("closed", ({ why }) => resolve(why));
  });
}
