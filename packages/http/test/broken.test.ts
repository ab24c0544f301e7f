/** Each fault is one that an implementation may have, and the cases must fail for it. */
import type { HttpSessions } from "@wsession/http";
import { expect, test } from "vitest";
import { cookie, start } from "./applications.ts";
import type { Visitor } from "./applications.ts";
import { cases } from "./cases.ts";

type Http = HttpSessions<Visitor>;

/** `http` with some members replaced. The others keep their object. */
function withFault(http: Http, fault: Partial<Http>): Http {
  return new Proxy(http, {
    get(target, name) {
      const faulty: unknown = Reflect.get(fault, name);
      if (faulty !== undefined) return faulty;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

/** The request as if its own page had sent it. */
function asOwn<Request extends object>(request: Request): Request {
  const headers = { ...Reflect.get(request, "headers"), origin: undefined, "sec-fetch-site": "same-origin" };
  return new Proxy(request, {
    get(target, name) {
      if (name === "headers") return headers;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

const faults: readonly {
  readonly what: string;
  readonly fault: (http: Http) => Partial<Http>;
  readonly found: string;
}[] = [
  {
    what: "the origin is not checked",
    fault: (http) => ({ logout: (request, response) => http.logout(asOwn(request), response) }),
    found: "requests of other sites",
  },
  {
    what: "a login leaves the token as it is",
    fault: (http) => ({
      async login(request, response, data, options) {
        const session = await http.open(request);
        if (session === undefined) return http.login(request, response, data, options);
        await session.set(data);
        return session;
      },
    }),
    found: "a login over HTTP logs the open socket in",
  },
  {
    what: "a logout leaves the cookie",
    fault: (http) => ({
      async logout(request) {
        return (await (await http.open(request))?.destroy()) ?? false;
      },
    }),
    found: "a login sets a cookie",
  },
  {
    what: "a logout clears the cookie alone",
    fault: () => ({
      async logout(_, response) {
        if ("setHeader" in response) response.setHeader("set-cookie", [...cookie.write("", 0)].slice(1));
        return true;
      },
    }),
    found: "a login sets a cookie",
  },
  {
    what: "the cookie takes the place of the application's cookies",
    fault: (http) => ({
      async login(request, response, data, options) {
        const session = await http.login(request, response, data, options);
        if (!("setHeader" in response)) return session;
        const lines = response.getHeader("set-cookie");
        response.setHeader("set-cookie", Array.isArray(lines) ? lines.slice(-1).map(String) : []);
        return session;
      },
    }),
    found: "a login sets a cookie",
  },
  {
    what: "a login leaves the session of an earlier login",
    fault: (http) => ({
      login(request, response, data, options) {
        const { host, origin }: Record<string, string> = Object(request).headers;
        return http.login({ headers: { host, origin } }, response, data, options);
      },
    }),
    found: "a login over an earlier login",
  },
];

test.each(faults)("the cases find that $what", async ({ fault, found }) => {
  const one = cases.find(({ name }) => name.startsWith(found));
  const broken = (http: Http) => withFault(http, fault(http));
  await expect(one?.run((parts) => start("node", { ...parts, broken }))).rejects.toThrow(/expected/);
});
