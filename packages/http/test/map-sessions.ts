// The sessions of an application in memory, and requests with its cookie.
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import type { SessionsOptions } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import { onTestFinished } from "vitest";

export interface Data {
  readonly n: number;
}

export const cookie = cookieToken();
export const origin = "https://app.example.com";

export function application(options: Partial<SessionsOptions<Data>> = {}) {
  const reports: string[] = [];
  const sessions = createSessions<Data>({
    store: mapStore(),
    token: cookie,
    origins: [origin],
    onError: (error, { stage }) => reports.push(`${stage}: ${String(error)}`),
    ...options,
  });
  onTestFinished(() => sessions.close());
  return { sessions, http: httpSessions(sessions, { cookie }), reports };
}

export const requestWith = (...tokens: readonly string[]) => {
  const cookies = tokens.map((token) => `__Host-wsession=${token}`).join("; ");
  return new Request("https://app.example.com/", { method: "POST", headers: { origin, cookie: cookies } });
};
