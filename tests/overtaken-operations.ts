import { accept, isSessionError } from "@wsession/core";
import type { Handlers, Session, Sessions, SessionsOptions, SessionStore } from "@wsession/core";
import { withGap } from "./held.ts";
import type { Gap } from "./held.ts";

export type Data = { readonly n: number };

/** What happens in the gap. `close()` happens in the gap of each operation. */
export type Overtaker = "destroySubject" | "destroy" | "expiry";

/** An operation with a gap between a decision about a session and its effect. */
export interface Operation {
  readonly name: string;
  /** The store has to keep sessions when their connections end. */
  readonly resumable?: true;
  /** The session exists after `close()`: it existed before, or `close()` waits for the handler that sets the session. */
  readonly keeps?: true;
  readonly overtakers: readonly Overtaker[];
  readonly options?: (gap: Gap) => Partial<Pick<SessionsOptions<Data>, "admit" | "initial" | "exclusive">>;
  readonly store?: (store: SessionStore, gap: Gap) => SessionStore;
  readonly handlers?: (gap: Gap) => Handlers<Data>;
  /** The possible results with an overtaker, if they are not `CLOSED`. */
  readonly outcomes?: Partial<Readonly<Record<Overtaker, readonly string[]>>>;
  /** The possible results with `close()`. By default those of a client: 503 or 1012. */
  readonly closeOutcomes?: readonly string[];
  /** Starts the operation, and resolves with its result. If absent, a client connects. */
  readonly begin?: (world: World) => Promise<string>;
}

export interface World {
  readonly sessions: Sessions<Data>;
  /** A client that connects: `401`, `closed 4410`, or `another session` where it has one that is not the gap's. */
  visit(path?: string): Promise<string>;
  /** A session of ada's from before, and its token. */
  hers(): Promise<{ readonly id: string; readonly token: string }>;
}

/** Data of a session that was there before. */
export const BEFORE = 5;
/** The possible results for a client: refused before the 101, or closed right after it. */
export const CLOSED: Readonly<Record<Overtaker, readonly string[]>> = {
  destroySubject: ["401", "closed 4410"],
  destroy: ["closed 4410"],
  // The store's answer to the operation says that the session is gone, before the deadline is looked at here.
  expiry: ["closed 4410", "closed 4419"],
};

const ALL = ["destroySubject", "destroy", "expiry"] as const;
const OF_A_SESSION = ["destroy", "expiry"] as const;
const OF_THE_SUBJECT = ["destroySubject"] as const;
// A refused login leaves the session without a subject, and the handler fails.
const REFUSED_LOGIN = { destroySubject: ["closed 1011", "closed 4410"] };
// The session is gone, so the client gets a new session.
const FRESH = {
  destroy: ["another session", "closed 4410"],
  expiry: ["another session", "closed 4410", "closed 4419"],
};

function always(outcome: string): Readonly<Record<Overtaker, readonly string[]>> {
  return { destroySubject: [outcome], destroy: [outcome], expiry: [outcome] };
}

const asAda = () => accept({ subject: "ada" });
const initial = (): Data => ({ n: 1 });

const slowInitial = (gap: Gap) => ({
  admit: asAda,
  async initial() {
    await gap.wait();
    return { n: 1 };
  },
});

/** The result of a call: a word for its value, or the code of its error. */
async function wordOf<Result>(call: Promise<Result>, word: (result: Result) => string): Promise<string> {
  try {
    return word(await call);
  } catch (error) {
    if (isSessionError(error)) return error.code;
    throw error;
  }
}

const handshakes: readonly Operation[] = [
  {
    name: "a slow initial",
    overtakers: OF_THE_SUBJECT,
    options: slowInitial,
  },
  {
    name: "a token without a session, and a slow initial",
    resumable: true,
    overtakers: OF_THE_SUBJECT,
    options: slowInitial,
    begin: (world) => world.visit(`/?token=${"A".repeat(22)}.${"B".repeat(43)}`),
  },
  {
    name: "setSession, long after admit",
    keeps: true,
    overtakers: OF_THE_SUBJECT,
    options: () => ({ admit: asAda }),
    handlers: (gap) => ({
      async open(connection) {
        await gap.wait();
        await connection.setSession({ n: 1 });
      },
    }),
  },
];

function creations(when: "before" | "after"): readonly Operation[] {
  // No caller has the id before the call, so the session can't be destroyed.
  const overtakers = when === "before" ? OF_THE_SUBJECT : ALL;
  return [
    {
      name: `create, ${when} it took effect`,
      resumable: true,
      overtakers,
      options: () => ({ admit: asAda, initial }),
      store: (store, gap) => withGap(store, "create", when, gap),
    },
    {
      name: `setSession, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers,
      options: () => ({ admit: asAda }),
      store: (store, gap) => withGap(store, "create", when, gap),
      handlers: () => ({ open: async (connection) => void (await connection.setSession({ n: 1 })) }),
    },
    {
      name: `sessions.create, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers: when === "before" ? [] : OF_A_SESSION,
      store: (store, gap) => withGap(store, "create", when, gap),
      outcomes: always("created"),
      closeOutcomes: ["created"],
      begin: ({ sessions }) => wordOf(sessions.create({ n: 1 }), () => "created"),
    },
  ];
}

function renewals(when: "before" | "after"): readonly Operation[] {
  let sessionId: string | undefined;
  return [
    {
      name: `resume of the subject's session, ${when} it took effect`,
      resumable: true,
      overtakers: ALL,
      outcomes: FRESH,
      options: () => ({ admit: asAda, initial }),
      store: (store, gap) => withGap(store, "resume", when, gap),
      begin: async (world) => world.visit(`/?token=${(await world.hers()).token}`),
    },
    {
      name: `identify, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers: ALL,
      outcomes: REFUSED_LOGIN,
      options: () => ({ initial }),
      store: (store, gap) => withGap(store, "rotate", when, gap),
      handlers: () => ({
        async open(connection) {
          await connection.session?.identify("ada");
        },
      }),
    },
    {
      name: `rotate, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers: ALL,
      options: () => ({ admit: asAda, initial }),
      store: (store, gap) => withGap(store, "rotate", when, gap),
      handlers: () => ({
        async open(connection) {
          await connection.session?.rotate();
        },
      }),
    },
    {
      name: `accept of a session without a subject, ${when} it took effect`,
      resumable: true,
      keeps: true,
      overtakers: ALL,
      outcomes: FRESH,
      options: () => ({ admit: () => accept({ subject: "ada", sessionId }), initial }),
      store: (store, gap) => withGap(store, "rotate", when, gap),
      async begin(world) {
        sessionId = (await world.sessions.create({ n: BEFORE })).session.id;
        return world.visit();
      },
    },
  ];
}

function messages(when: "before" | "after"): readonly Operation[] {
  const kept = {
    resumable: true,
    keeps: true,
    overtakers: ALL,
    options: () => ({ admit: asAda, initial }),
    store: (store: SessionStore, gap: Gap) => withGap(store, "append", when, gap),
  } as const;
  return [
    {
      ...kept,
      name: `session.send, ${when} it took effect`,
      handlers: () => ({
        async open(connection) {
          await connection.session?.send("m");
        },
      }),
    },
    {
      ...kept,
      name: `sessions.send, ${when} it took effect`,
      outcomes: always(when === "before" ? "no session" : "kept"),
      closeOutcomes: ["kept"],
      async begin(world) {
        const { id } = await world.hers();
        return wordOf(world.sessions.send(id, "m"), (sent) => (sent === undefined ? "no session" : "kept"));
      },
    },
    {
      ...kept,
      name: `sendToSubject, ${when} it took effect`,
      outcomes: always(when === "before" ? "kept in 0, failed in 0" : "kept in 1, failed in 0"),
      closeOutcomes: ["kept in 1, failed in 0"],
      begin: toAda,
    },
    {
      ...kept,
      name: `sendToSubject, ${when} the store lists its sessions`,
      store: (store, gap) => withGap(store, "bySubject", when, gap),
      outcomes: always("kept in 0, failed in 0"),
      closeOutcomes: ["kept in 1, failed in 0"],
      begin: toAda,
    },
  ];
}

/** The operation itself is a destruction, or can't be overtaken, because the shutdown waits for it. */
function administration(when: "before" | "after"): readonly Operation[] {
  const calls = {
    "sessions.destroy": {
      call: "destroy",
      run: async ({ sessions }: World, id: string) => sessions.destroy(id),
    },
    destroySubject: {
      call: "destroySubject",
      run: async ({ sessions }: World) => sessions.destroySubject("ada"),
    },
    "session.destroy": {
      call: "destroy",
      run: async (world: World, id: string) => (await handleOf(world, id)).destroy(),
    },
    "session.extend": {
      call: "touch",
      run: async (world: World, id: string) => (await handleOf(world, id)).extend(),
    },
  } as const;
  return Object.entries(calls).map(([name, { call, run }]) => ({
    name: `${name}, ${when} it took effect`,
    resumable: true,
    keeps: true,
    overtakers: [],
    store: (store, gap) => withGap(store, call, when, gap),
    closeOutcomes: ["done"],
    async begin(world) {
      const { id } = await world.hers();
      return wordOf<unknown>(run(world, id), () => "done");
    },
  }));
}

async function handleOf({ sessions }: World, id: string): Promise<Session<Data>> {
  const session = await sessions.get(id);
  if (session === undefined) throw new Error("the session is gone");
  return session;
}

async function toAda(world: World): Promise<string> {
  await world.hers();
  const sending = world.sessions.sendToSubject("ada", "m");
  return wordOf(sending, ({ sessions, failed }) => `kept in ${sessions}, failed in ${failed}`);
}

export const operations: readonly Operation[] = [
  ...handshakes,
  ...(["before", "after"] as const).flatMap((when) => [
    ...creations(when),
    ...renewals(when),
    ...messages(when),
    ...administration(when),
  ]),
];
