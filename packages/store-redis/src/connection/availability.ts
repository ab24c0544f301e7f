/** Whether the server can be used, and the calls that wait until it can. */
import { SessionError } from "@wsession/core";
import { PatientTimer } from "../base/patient-timer.ts";
import { type ServerClock, timeOf } from "./clock.ts";
import type { Connection } from "./connection.ts";
import { notReached, reasonOf, unavailable } from "../base/failures.ts";
import type { Sender } from "./sender.ts";
import type { Server } from "../drivers/driver.ts";
import {
  evictionProblem,
  ServerCheck,
  type ServerFacts,
  uncheckedReport,
  unusableReason,
} from "./server-check.ts";

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: PatientTimer;
}

export interface AvailabilityOptions {
  readonly allowEviction: boolean;
  readonly timeoutMs: number;
  /** Called once per cause. */
  readonly report: (error: unknown) => void;
  /** Called with the facts of all servers, before calls may be sent. */
  readonly checked: (facts: readonly ServerFacts[]) => void;
  /** Called when the server is available again. */
  readonly restored: () => void;
}

/** Milliseconds between two checks of a single server's role. A primary that was demoted to a replica answers reads without an error. */
const PROBE_MS = 1_000;
/** The delay before an unusable server is checked again, or a command that did not run is sent again. */
const RETRY_MS = 50;
const REFUSED_RETRY_MS = 500;

/**
 * Delays calls until there is a usable server: a primary that answers and meets the requirements, and whose clock is known.
 * Each call waits at most until its deadline. A waiting call was not given to the client, so it cannot run after its caller
 * got an error.
 */
export class ServerAvailability {
  readonly #connection: Connection;
  readonly #sender: Sender;
  readonly #clock: ServerClock;
  /** Shared with the health probe, because this object learns when a refused command is permitted again. */
  readonly serverCheck: ServerCheck;
  readonly #options: AvailabilityOptions;
  readonly #waiters = new Set<Waiter>();
  /** The last reported message, by topic. */
  readonly #reported = new Map<string, string>();
  #isUsable = false;
  #wasAvailable = false;
  /**
   * Incremented for each connection, because a reply from an earlier connection does not show the state of this connection.
   */
  #generation = 0;
  #checkedGeneration: number | undefined;
  #mustCheckAgain = false;
  #retry: NodeJS.Timeout | undefined;
  #roleTimer: NodeJS.Timeout | undefined;
  #pause: Promise<void> | undefined;
  #reason: Error | undefined;

  constructor(connection: Connection, sender: Sender, clock: ServerClock, options: AvailabilityOptions) {
    this.#connection = connection;
    this.#sender = sender;
    this.#clock = clock;
    this.serverCheck = new ServerCheck(sender);
    this.#options = options;
    connection.listen({
      ready: () => this.#checkServer(),
      lost: () => this.#lost(),
      failed: (reason) => this.explain(reason),
      ended: () => this.#ended(),
      arrived: (node) => sender.sendWaiting(node),
      slotsChanged: () => sender.reroute(),
    });
  }

  get isAvailable(): boolean {
    return this.#isUsable && this.#connection.isReady;
  }

  /** Resolves once commands can be sent; rejects with outcome `not-applied` at `deadline`. */
  wait(deadline: number): Promise<void> {
    if (this.isAvailable) return Promise.resolve();
    if (this.#connection.isEnded) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      // Patient, because otherwise a process that stood still would report a server whose answers have arrived.
      const timer = new PatientTimer(deadline - performance.now(), () => {
        this.#waiters.delete(waiter);
        // A server that the store refuses can be reached, but not used.
        const verb = this.#reason instanceof SessionError ? "used" : "reached";
        reject(notReached(`Redis can't be ${verb}`, this.#reason));
      });
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiters.add(waiter);
      this.#connection.connect();
    });
  }

  /** As `wait`, after a short delay: for a command that was refused although the server was available. */
  async waitAgain(deadline: number, reason: Error | undefined): Promise<void> {
    if (reason !== undefined) this.explain(reason);
    if (!this.isAvailable) return this.wait(deadline);
    this.#pause ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#pause = undefined;
        resolve();
      }, RETRY_MS);
    });
    await this.#pause;
    return this.wait(deadline);
  }

  /** Records why Redis cannot be used, for the errors of waiting calls. */
  explain(reason: Error): void {
    this.#reason = reason;
  }

  /** The server refused a write because it is a replica: another server may be the primary now. */
  onReadonly(): void {
    this.#suspend();
    this.#connection.restart();
    // The client of a Cluster stays connected, so no `ready` event will start the check.
    if (this.#connection.isCluster) this.#checkLater(RETRY_MS);
  }

  /** Checks the clock, the role and the policy of the server again. */
  checkAgain(): void {
    this.#checkServer();
  }

  close(): void {
    this.#connection.close();
  }

  #lost(): void {
    this.#generation += 1;
    this.#reason ??= new Error("the connection to Redis was lost");
    this.#suspend();
    clearTimeout(this.#retry);
  }

  #suspend(): void {
    this.#isUsable = false;
    this.#clock.forget();
    this.#sender.rejectWaiting();
  }

  #ended(): void {
    this.#lost();
    clearInterval(this.#roleTimer);
    this.#roleTimer = undefined;
    for (const waiter of this.#waiters) {
      waiter.timer.stop();
      waiter.reject(closed());
    }
    this.#waiters.clear();
  }

  /** `section`: the section of INFO to request; all sections if omitted. */
  #checkServer(section?: "replication"): void {
    if (!this.#connection.isReady) return;
    const generation = this.#generation;
    if (this.#checkedGeneration === generation) {
      this.#mustCheckAgain ||= section === undefined;
      return;
    }
    this.#checkedGeneration = generation;
    const done = (act: () => void): void => {
      if (this.#generation !== generation) return;
      this.#checkedGeneration = undefined;
      act();
      if (!this.#mustCheckAgain) return;
      this.#mustCheckAgain = false;
      this.#checkServer();
    };
    this.#ask(section).then(
      (facts) => done(() => this.#applyFacts(facts)),
      (error: unknown) =>
        done(() => {
          this.explain(reasonOf(error));
          if (!this.#isUsable) this.#checkLater(RETRY_MS);
        }),
    );
  }

  #checkLater(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#checkServer(), ms);
    this.#retry.unref();
  }

  async #ask(section: "replication" | undefined): Promise<readonly ServerFacts[]> {
    // A node that hangs must not delay calls to the other nodes.
    const asked = this.#connection.client.servers.map((server) => this.#askServer(server, section));
    if (!this.#connection.isCluster) return Promise.all(asked);
    if (asked.length === 0) throw new Error("the client has found no primary of the Cluster");
    const first = await Promise.any(asked);
    if (this.#wasAvailable) {
      void Promise.allSettled(asked).then((all) => this.#reportProblems(all.flatMap(valueOf)));
      return [first];
    }
    return (await Promise.allSettled(asked)).flatMap(valueOf);
  }

  /** Checks one server. Closes its connection if no data arrives within the time limit. */
  async #askServer(server: Server, section: "replication" | undefined): Promise<ServerFacts> {
    const timer = new PatientTimer(this.#options.timeoutMs, server.watchSilence()).unref();
    try {
      const sentAt = performance.now();
      const time = this.#sender.probe("time", [], server).promise.then((reply) => {
        const serverMs = timeOf(reply);
        if (serverMs === undefined) throw new Error("Redis did not answer TIME with a time");
        this.#clock.observe(serverMs, sentAt, performance.now());
      });
      const [facts] = await Promise.all([this.serverCheck.facts(server, section), time]);
      return facts;
    } finally {
      timer.stop();
    }
  }

  #applyFacts(facts: readonly ServerFacts[]): void {
    if (facts.some(({ isLoading }) => isLoading)) {
      this.explain(new Error("Redis is loading its data"));
      this.#suspend();
      this.#checkLater(RETRY_MS);
      return;
    }
    const refusal = this.#reportProblems(facts);
    if (refusal !== undefined) {
      this.explain(refusal);
      this.#suspend();
      if (facts.some(({ isPrimary }) => isPrimary === false)) this.#connection.restart();
      else this.#checkLater(REFUSED_RETRY_MS);
      return;
    }
    this.#connection.succeeded();
    this.#options.checked(facts);
    if (this.#wasAvailable && !this.#isUsable) this.#options.restored();
    this.#isUsable = true;
    this.#wasAvailable = true;
    this.#reason = undefined;
    this.#roleTimer ??= setInterval(() => {
      if (!this.isAvailable || this.#connection.isCluster) return;
      this.#checkServer("replication");
      this.#connection.client.checkPrimary();
    }, PROBE_MS).unref();
    for (const waiter of this.#waiters) {
      waiter.timer.stop();
      waiter.resolve();
    }
    this.#waiters.clear();
  }

  /** Reports problems, once each. Returns the reason for which calls are refused. */
  #reportProblems(facts: readonly ServerFacts[]): Error | undefined {
    const isOneServer = !this.#connection.isCluster;
    const bad = facts.flatMap(
      (fact) => unusableReason(isOneServer ? fact : { ...fact, isPrimary: undefined }) ?? [],
    )[0];
    this.#reportOnce("server", bad);
    const [eviction] = this.#options.allowEviction
      ? []
      : facts.flatMap((fact) => evictionProblem(fact) ?? []);
    if (facts.some(({ policy }) => policy !== undefined)) this.#reportOnce("policy", eviction);
    const { unchecked } = this.serverCheck;
    this.#reportOnce("unchecked", unchecked.length > 0 ? uncheckedReport(unchecked) : undefined);
    // A policy that changes while the store runs is only reported, because the sessions are on that server already.
    return bad ?? (this.#wasAvailable ? undefined : eviction);
  }

  #reportOnce(about: string, error: Error | undefined): void {
    if (error?.message === this.#reported.get(about)) return;
    if (error === undefined) this.#reported.delete(about);
    else {
      this.#reported.set(about, error.message);
      this.#options.report(error);
    }
  }
}

function valueOf<Value>(result: PromiseSettledResult<Value>): Value[] {
  return result.status === "fulfilled" ? [result.value] : [];
}

function closed(): Error {
  return unavailable(
    "the store or its Redis client is closed: connect the client again, or create another store",
    "not-applied",
  );
}
