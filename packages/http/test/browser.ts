/** A client that behaves like a browser where it matters for logins: a cookie jar, Origin, and WebSockets with both. */
import { connect } from "@wsession/client";
import type { Client } from "@wsession/client";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

export class Browser {
  readonly base: string;
  readonly #sockets: string;
  /** The origin of the page that makes the requests. */
  origin: string;
  readonly cookies = new Map<string, string>();

  constructor(base: string, sockets: string, origin: string = base) {
    this.base = base;
    this.#sockets = sockets;
    this.origin = origin;
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** As a page's `fetch` of its own server. Resolves with the answer, once its cookies are in the jar. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.request(path, init);
    this.keep(answer.headers.getSetCookie());
    return answer;
  }

  post(path: string, body?: unknown): Promise<Response> {
    return this.fetch(path, this.json(body));
  }

  json(body?: unknown): RequestInit {
    const headers = { "content-type": "application/json" };
    return body === undefined ? { method: "POST" } : { method: "POST", headers, body: JSON.stringify(body) };
  }

  /** A request whose answer has not arrived in the browser yet: `keep` stores its cookies. */
  request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0) headers.set("cookie", this.cookie);
    const isGet = (init.method ?? "GET") === "GET";
    if (!isGet && !headers.has("origin")) headers.set("origin", this.origin);
    return fetch(`${this.base}${path}`, { redirect: "manual", ...init, headers });
  }

  keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = "", ...attributes] = line.split(";");
      const name = pair.slice(0, pair.indexOf("="));
      const value = pair.slice(name.length + 1);
      const isGone = attributes.some((one) => /^ ?(?:max-age=0|expires=thu, 01 jan 1970)/i.test(one));
      if (isGone || value === "") this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }

  /** The client of wsession, on a socket that sends the cookies of the jar at each connection. It is closed when the test ends. */
  connect(path = "/"): Client {
    const headers = (): Record<string, string> => ({ cookie: this.cookie, origin: this.origin });
    const keep = (lines: readonly string[]) => this.keep(lines);
    class BrowserSocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols, { headers: headers() });
        this.on("upgrade", (answer) => keep(answer.headers["set-cookie"] ?? []));
      }
    }
    const client = connect(`${this.#sockets}${path}`, { WebSocket: BrowserSocket });
    onTestFinished(() => client.close());
    return client;
  }
}

/** Resolves with the next event of this kind. */
export function next<Type extends "message" | "status" | "session" | "closed">(
  client: Client,
  type: Type,
): Promise<Parameters<Parameters<typeof client.on<Type>>[1]>[0]> {
  return new Promise((resolve) => {
    const off = client.on(type, (event) => {
      off();
      resolve(event);
    });
  });
}
