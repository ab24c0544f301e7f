/** Cookies of other libraries in a handshake, also under the name of the carrier's cookie. */
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { expect, test } from "vitest";
import { connect, runtimeNames, serve } from "../runtimes.ts";

const foreign = {
  "express-session": "s%3Aabc.4Zq0n2aQmJq1n3v5y7",
  "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
  "JSON in quotation marks": '"{\\"user\\":\\"ada\\"}"',
  "a broken escape": "%E0%A4%A",
  nothing: "",
  "5,000 characters": "x".repeat(5_000),
} as const;

test.each(runtimeNames)(
  "%s: cookies of other libraries open no session, count as no wrong token, and do not hide a present token",
  async (runtime) => {
    const reports: unknown[] = [];
    const sessions = createSessions({
      store: mapStore(),
      token: cookieToken({ name: "app", secure: false }),
      onBadToken: "refuse",
      initial: () => ({ n: 0 }),
      onError: (error) => reports.push(error),
    });
    const server = await serve(runtime, sessions, {
      message: (connection) => void connection.send(connection.session.id),
    });
    const { session, token } = await sessions.create({ n: 1 });
    for (const value of Object.values(foreign)) {
      const others = `connect.sid=${value}; theme=dark; =; ;app.sig=${value}`;
      const stranger = await connect(server, "/", { headers: { cookie: others } });
      stranger.send("who?");
      expect(await stranger.next()).not.toBe(session.id);
      const visitor = await connect(server, "/", {
        headers: { cookie: `${others}; app=${value}; app=${token}` },
      });
      visitor.send("who?");
      expect(await visitor.next()).toBe(session.id);
    }
    expect(sessions.diagnostics.tokensWrong).toBe(0);
    expect(reports).toEqual([]);
  },
);
