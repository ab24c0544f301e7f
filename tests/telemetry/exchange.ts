/** An exchange that causes each event of telemetry, with secrets in every place where a client or an application may have one. */
import { FramedPeer, Journal } from "@wsession/conformance";
import { accept, createSessions, queryToken, reject } from "@wsession/core";
import type { Sessions } from "@wsession/core";
import { DECOY_SUBPROTOCOL, SUBPROTOCOL } from "@wsession/protocol";
import { connect, serve } from "../runtimes.ts";
import type { RuntimeName } from "../runtimes.ts";
import { openStore } from "../stores.ts";
import type { StoreName } from "../stores.ts";

export interface Data {
  readonly note: string;
  readonly n: number;
}

/** What no payload may have. The tokens of the exchange are added to these. */
export const SECRETS = ["cookie-text", "data-text", "message-text", "subject-text", "error-text"];

export interface Exchange {
  readonly sessions: Sessions<Data>;
  /** The id of the connection that is kept open, and its session's. */
  readonly connectionId: string;
  readonly sessionId: string;
  /** The id of the session that a client came back to, and that was then destroyed. */
  readonly destroyedId: string;
  readonly secrets: readonly string[];
}

const cookie = { headers: { cookie: "sid=cookie-text" } };

export async function runExchange(runtime: RuntimeName, store: StoreName, port: number): Promise<Exchange> {
  const opened = new Journal<{ readonly id: string; readonly session: { readonly id: string } }>();
  const closed = new Journal();
  const sessions = createSessions({
    store: openStore(store, port),
    token: queryToken(),
    admit: ({ url }) => (url.startsWith("/refused") ? reject(403, "not here") : accept({})),
    initial: (): Data => ({ note: "data-text", n: 0 }),
    onError: () => undefined,
  });
  const server = await serve(runtime, sessions, {
    open: (connection) => opened.note(connection),
    async message({ session }, text) {
      if (`${text}` === "fail") throw new Error("error-text");
      await session.update((data) => ({ ...data, n: data.n + 1 }));
      await session.send("message-text");
    },
    transaction(tx) {
      tx.patch({ n: 7 });
      tx.send("message-text");
    },
    close: ({ id }) => closed.note(id),
  });

  await connect(server, "/refused", cookie).catch(() => undefined);
  const first = await connect(server, "/", cookie);
  first.send("message-text");
  await first.next();
  const failing = await connect(server, "/", cookie);
  failing.send("fail");
  await closed.until(1);

  const { session, token } = await sessions.create({ note: "data-text", n: 0 }, { subject: "subject-text" });
  const offer = { ...cookie, protocols: [DECOY_SUBPROTOCOL, SUBPROTOCOL] };
  const peer = FramedPeer.over(await connect(server, `/?token=${token}`, offer));
  peer.attach();
  await peer.until("hello");
  peer.sendCounted("message-text");
  await peer.until("applied");
  await sessions.bySubject("subject-text");
  await sessions.destroy(session.id, "over");
  await closed.until(2);

  const [one = expectOpened()] = opened.entries;
  return {
    sessions,
    connectionId: one.id,
    sessionId: one.session.id,
    destroyedId: session.id,
    secrets: [...SECRETS, token, ...token.split(".").slice(1)],
  };
}

function expectOpened(): never {
  throw new Error("no connection was opened");
}
