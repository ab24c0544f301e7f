import { reasonOf, replyWord } from "../base/failures.ts";
import type { Keys } from "../base/keys.ts";
import type { Settings } from "../base/options.ts";
import { timeOf } from "../connection/clock.ts";
import { evictionProblem, ServerCheck, unusableReason } from "../connection/server-check.ts";
import type { Sender } from "../connection/sender.ts";
import type { Server } from "../drivers/driver.ts";
import { scriptText } from "../scripts/text.ts";
import { type Finding, fine, note, problem } from "./findings.ts";
import { type Purpose, requiredRights, type RequiredRight, ruleOf } from "./required-rights.ts";

/** Deadlines in indexes of subjects have this margin for different clocks. */
const MAX_BETWEEN_SERVERS_MS = 30_000;
/** A larger difference makes an `expiresAt` of the application wrong. */
const MAX_FROM_HERE_MS = 5_000;

interface Examined {
  readonly findings: readonly Finding[];
  /** Milliseconds by which the server's clock is ahead of the one here. */
  readonly clock: number | undefined;
}

/** Examines one server after another, with the checks that a store makes before it uses a server. */
export class ServerExamination {
  readonly #sender: Sender;
  readonly #keys: Keys;
  readonly #isCluster: boolean;
  readonly #timeoutMs: number;

  constructor(sender: Sender, keys: Keys, isCluster: boolean, { timeoutMs }: Pick<Settings, "timeoutMs">) {
    this.#sender = sender;
    this.#keys = keys;
    this.#isCluster = isCluster;
    this.#timeoutMs = timeoutMs;
  }

  async of(server: Server): Promise<Examined> {
    // A connection that hangs is closed, so that each step settles.
    const timer = setTimeout(server.watchSilence(), this.#timeoutMs);
    try {
      const clock = await this.#clockOf(server);
      return { findings: [...(await this.#facts(server)), ...(await this.#rights(server))], clock };
    } catch (error) {
      const { message } = reasonOf(error);
      const remedy = "Check whether the server runs and answers.";
      const found = { topic: "connection", server: server.name, message: `no answer: ${message}` } as const;
      return { findings: [problem(found, remedy)], clock: undefined };
    } finally {
      clearTimeout(timer);
    }
  }

  clockFinding(ahead: readonly number[]): Finding {
    const topic = "clock";
    if (ahead.length === 0)
      return problem({ topic, message: "no server answers TIME" }, "Allow TIME, which the store needs.");
    const least = Math.min(...ahead);
    const most = Math.max(...ahead);
    const worst = Math.round(Math.max(Math.abs(least), Math.abs(most)));
    if (most - least > MAX_BETWEEN_SERVERS_MS)
      return problem(
        { topic, message: `the clocks of the primaries differ by ${Math.round(most - least)} ms` },
        "Synchronize the clocks of the servers (NTP): deadlines of sessions are times of their server.",
      );
    if (worst > MAX_FROM_HERE_MS)
      return note(
        { topic, message: `the clock of Redis and the one here differ by ${worst} ms` },
        "Synchronize the clocks (NTP). The store counts by the clock of Redis; only an expiresAt of the application would be wrong.",
      );
    return fine({ topic, message: `the clock of Redis and the one here differ by ${worst} ms at most` });
  }

  async #clockOf(server: Server): Promise<number | undefined> {
    const sentAt = Date.now();
    try {
      const reply = await this.#sender.probe("time", [], server).promise;
      const serverMs = timeOf(reply);
      return serverMs === undefined ? undefined : serverMs - (sentAt + Date.now()) / 2;
    } catch (error) {
      if (isRefused(error)) return undefined;
      throw error;
    }
  }

  /** The facts that the store checks when it connects: version, role, policy. */
  async #facts(of: Server): Promise<Finding[]> {
    const server = of.name;
    const check = new ServerCheck(this.#sender);
    const facts = await check.facts(of);
    const { version, isPrimary, isLoading, policy } = facts;
    const findings: Finding[] = [];
    if (isLoading)
      findings.push(problem({ topic: "connection", server, message: "Redis is loading its data" }, "Wait."));
    if (!this.#isCluster && (await this.#isNodeOfCluster(of))) {
      const message = "the server is a node of a Cluster, and has only some of the sessions";
      findings.push(problem({ topic: "cluster", server, message }, "Connect as to a Cluster (--cluster)."));
    }
    if (version !== undefined) {
      const tooOld = unusableReason({ ...facts, isPrimary: undefined });
      const found = { topic: "version", server, message: tooOld?.message ?? `Redis ${version}` } as const;
      findings.push(tooOld ? problem(found, "Upgrade Redis to 6.2 or newer, or use Valkey.") : fine(found));
    }
    if (isPrimary !== undefined) {
      const replica = unusableReason({ ...facts, version: undefined });
      const found = { topic: "role", server, message: replica?.message ?? "a primary" } as const;
      findings.push(
        replica
          ? problem(found, "Name the primary: by its own address, by Sentinel, or as a Cluster.")
          : fine(found),
      );
    }
    if (policy !== undefined) {
      const evicts = evictionProblem(facts);
      const found = {
        topic: "policy",
        server,
        message: evicts?.message ?? `maxmemory-policy is ${policy}`,
      } as const;
      findings.push(
        evicts ? problem(found, "CONFIG SET maxmemory-policy noeviction, and in redis.conf.") : fine(found),
      );
    }
    if (check.unchecked.length > 0) {
      const message = `the user has no right to read ${check.unchecked.join(", ")}`;
      findings.push(
        note({ topic: "rights", server, message }, "Allow INFO, so that the store can check the server."),
      );
    }
    return findings;
  }

  /** For a user without the right to INFO, the reply MOVED shows this. */
  async #isNodeOfCluster(of: Server): Promise<boolean> {
    const info = this.#sender.probe("info", ["cluster"], of).promise;
    return /^cluster_enabled:1/m.test(String(await info.catch(() => "")));
  }

  async #rights(of: Server): Promise<Finding[]> {
    const server = of.name;
    const topic = "rights";
    const rights = requiredRights(this.#keys);
    let reply: unknown;
    try {
      // Without a key, because on a Cluster each node has to answer.
      const args = ["0", JSON.stringify(rights.map(({ words }) => words))];
      reply = await this.#sender.probe("eval", [scriptText("rights"), ...args], of).promise;
    } catch (error) {
      const { message } = reasonOf(error);
      return [
        problem(
          { topic, server, message: `the user can't run scripts: ${message}` },
          "Give the user the rights of the ACL in docs/operations.md.",
        ),
      ];
    }
    const [word, ...answers]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (word !== "asked")
      return [
        note(
          { topic, server, message: "Redis before 7 can't report the rights of a user" },
          "Compare the user with the ACL in docs/operations.md. A store reports each refused command.",
        ),
      ];
    const refused = rights.filter((_, index) => Number(answers[index]) !== 1);
    return this.#refusals(refused, server);
  }

  #refusals(refused: readonly RequiredRight[], server: string): Finding[] {
    const topic = "rights";
    const findings = PURPOSES.flatMap(({ purpose, level, what }) => {
      if (!this.#isCluster && (purpose === "cluster" || purpose === "sharded")) return [];
      const rules = refused.filter((right) => right.purpose === purpose).map(ruleOf);
      if (rules.length === 0) return [];
      const message = `the user lacks ${what}: ${[...new Set(rules)].join(" ")}`;
      const remedy =
        "ACL SETUSER: add these rules, with the keys and channels of the ACL in docs/operations.md.";
      return [(level === "problem" ? problem : note)({ topic, server, message }, remedy)];
    });
    return findings.length === 0
      ? [fine({ topic, server, message: "the user has every right that the store uses" })]
      : findings;
  }
}

const PURPOSES: readonly {
  readonly purpose: Purpose;
  readonly level: "problem" | "note";
  readonly what: string;
}[] = [
  { purpose: "always", level: "problem", what: "rights that the store needs" },
  { purpose: "cluster", level: "problem", what: "rights that the store needs on a Cluster" },
  {
    purpose: "sharded",
    level: "note",
    what: "the rights of sharded channels, so announcements cross the bus",
  },
  { purpose: "presence", level: "note", what: "rights that presence needs" },
  {
    purpose: "logins",
    level: "note",
    what: 'rights that maxSessionsPerSubject and exclusive: "subject" need',
  },
  { purpose: "checks", level: "note", what: "rights of the store's own checks" },
];

function isRefused(error: unknown): boolean {
  return error instanceof Error && replyWord(error) === "NOPERM";
}
