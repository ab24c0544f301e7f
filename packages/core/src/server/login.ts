/** Operations of HTTP code that make several calls of the store. A login is also one decision about a subject. */
import type { Renewal, Session } from "../api/contract.ts";
import type { Sessions } from "../api/sessions.ts";
import { createBy } from "../admission/create.ts";
import type { Lifetimes } from "../base/lifetimes.ts";
import { assertSubject } from "../base/names.ts";
import type { TokenCarrier } from "../handshake/carriers.ts";
import { SessionHandle } from "../session/handle.ts";
import { givenLifetimes } from "../session/own-lifetimes.ts";
import { LiveSessions } from "./sessions.ts";

/** The steps of one login. Each of them rejects with REVOKED if the subject's sessions were destroyed since the login began. */
export interface Login<Data extends object, Handle> {
  /**
   * As `sessions.create`, for the subject. `earlier`: the session of an earlier login, which the caller destroys after this call. If
   * the number of the subject's sessions is limited, and `earlier` is one of them, it is destroyed here first. Otherwise it would
   * count, and the login would end another session of the subject, or be refused.
   */
  create(
    data: Data,
    lifetimes: Lifetimes,
    earlier?: Handle,
  ): Promise<{ readonly session: Handle; readonly token: string }>;
  /** As `session.identify`, with the subject. */
  identify(session: Handle): Promise<Renewal>;
  /** Called before the client gets the token: after the last call of the store the subject's sessions may have been destroyed too. */
  assertNotEnded(): void;
}

/**
 * Runs an operation of several calls of the store. `sessions.close()` waits for the whole operation, because otherwise it could close
 * the store between two calls. Sessions that `createSessions` did not make have no such shutdown.
 */
export function inOneOperation<Result>(sessions: object, run: () => Promise<Result>): Promise<Result> {
  return sessions instanceof LiveSessions ? sessions.registry.calls.counted(run) : run();
}

/** The option `token` of the sessions; `undefined` also for sessions that `createSessions` did not make. */
export function carrierOf(sessions: object): TokenCarrier | undefined {
  return sessions instanceof LiveSessions ? sessions.registry.settings.token : undefined;
}

/**
 * Runs a login of several steps, as one operation. The login begins with this call. A `destroySubject` that comes later, in any
 * process, ends the login, even if it comes before the step that names the subject to the store.
 */
export function inOneLogin<Data extends object, Transport, Context, Result>(
  sessions: Pick<Sessions<Data, Transport, undefined, Context>, "create">,
  subject: string,
  run: (login: Login<Data, Session<Data, Transport, Context>>) => Promise<Result>,
): Promise<Result>;
export function inOneLogin<Data extends object, Result>(
  sessions: Pick<Sessions<Data>, "create">,
  subject: string,
  run: (login: Login<Data, Session<Data>>) => Promise<Result>,
): Promise<Result> {
  assertSubject("login()", subject);
  if (!(sessions instanceof LiveSessions))
    return run({
      create: (data, lifetimes) => sessions.create(data, { subject, ...lifetimes }),
      identify: (session) => session.identify(subject),
      assertNotEnded() {},
    });
  const { registry } = sessions;
  const decision = registry.pending.begin(subject);
  return inOneOperation(sessions, () =>
    run({
      async create(data, lifetimes, earlier) {
        if (earlier?.subject === subject && registry.settings.subjectLimit !== undefined)
          await earlier.destroy("logged in again");
        return createBy(decision, registry, data, { subject, lifetimes: givenLifetimes(lifetimes) });
      },
      identify: (session) =>
        session instanceof SessionHandle ? session.identifyBy(decision) : session.identify(subject),
      assertNotEnded: () => decision.assertNotEnded(),
    }).finally(() => decision.dispose()),
  );
}
