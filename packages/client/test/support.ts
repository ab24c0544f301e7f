import { deferred, ScriptedServer } from "@wsession/conformance";
import { connect } from "@wsession/client";
import type { Client, ClientEvents, ClientOptions } from "@wsession/client";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

export async function listen(options?: Parameters<typeof ScriptedServer.listen>[0]): Promise<ScriptedServer> {
  const server = await ScriptedServer.listen(options);
  onTestFinished(() => server.close());
  return server;
}

type Entry = {
  readonly [Type in keyof ClientEvents]: readonly [Type, ClientEvents[Type]];
}[keyof ClientEvents];

/** The real timers, because a test may replace the global ones. */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis;
const EVENT_MS = 20_000;

const EVENTS = ["message", "status", "session", "missed", "rolledBack", "leftover", "closed"] as const;

/** A client, and all events that it emitted, in order. */
export interface Watched {
  readonly client: Client;
  readonly events: Entry[];
  /** The events of one type. */
  of<Type extends keyof ClientEvents>(type: Type): ClientEvents[Type][];
  /** Resolves once an event of this type satisfies the predicate. Rejects after 20 s of real time. */
  until<Type extends keyof ClientEvents>(
    type: Type,
    expected?: (event: ClientEvents[Type]) => boolean,
  ): Promise<ClientEvents[Type]>;
}

/** A client of ws, quick to come back. */
export function client(
  server: { readonly url: string },
  options: ClientOptions = {},
  url: Parameters<typeof connect>[0] = server.url,
): Watched {
  const watched = watch(connect(url, { WebSocket, backoff: { minMs: 5, maxMs: 20 }, ...options }));
  onTestFinished(() => watched.client.close());
  return watched;
}

export function watch(one: Client): Watched {
  const events: Entry[] = [];
  const wakes = new Set<() => void>();
  for (const type of EVENTS)
    one.on(type, (event) => {
      events.push([type, event] as Entry);
      for (const wake of [...wakes]) wake();
    });
  const of: Watched["of"] = (type) =>
    events.filter(([name]) => name === type).map(([, event]) => event) as never;
  return {
    client: one,
    events,
    of,
    until(type, expected = () => true) {
      const { promise, resolve, reject } = deferred<never>();
      // Some tests do not wait for the event to the end.
      promise.catch(() => undefined);
      const late = startTimer(() => {
        wakes.delete(wake);
        const before = events.map(([name]) => name).join(" ");
        reject(new Error(`no such event "${type}" within ${EVENT_MS} ms; the events were: ${before}`));
      }, EVENT_MS);
      late.unref();
      const wake = () => {
        const found = of(type).find(expected);
        if (found === undefined) return;
        stopTimer(late);
        wakes.delete(wake);
        resolve(found as never);
      };
      wakes.add(wake);
      wake();
      return promise;
    },
  };
}
