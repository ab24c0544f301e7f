import { orTooLate } from "../base/patient-timer.ts";
import { unavailable } from "../base/failures.ts";
import { primaryOf, SLOTS } from "../base/slots.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "../drivers/driver.ts";
import type { Sender } from "./sender.ts";
import type { ServerCheck } from "./server-check.ts";

/** The answer of a server, or of all primaries of a Cluster. */
export interface ProbeAnswer {
  readonly role: "primary" | "replica" | undefined;
  /** Milliseconds; on a Cluster those of the slowest primary. */
  readonly latencyMs: number;
}

/** Asks the servers of the store's own connection for their role, and measures the round trip. */
export class HealthProbe {
  readonly #connection: Connection;
  readonly #sender: Sender;
  readonly #serverCheck: ServerCheck;
  /** The servers whose answer is due. */
  readonly #asked = new Map<Server, Promise<ProbeAnswer>>();

  constructor(connection: Connection, sender: Sender, serverCheck: ServerCheck) {
    this.#connection = connection;
    this.#sender = sender;
    this.#serverCheck = serverCheck;
  }

  /** Rejects if any of the servers does not answer by `deadline`. */
  async ask(deadline: number): Promise<ProbeAnswer> {
    const asked = this.#servers().map((server) => this.#askServer(server));
    const answers = await orTooLate(deadline - performance.now(), Promise.all(asked), () =>
      unavailable("Redis did not answer in time", "not-applied"),
    );
    const roles = answers.flatMap(({ role }) => role ?? []);
    return {
      // A node of a Cluster that has lost its slots redirects calls, so it counts only if no other node is a primary.
      role: roles.find((role) => role === "primary") ?? roles[0],
      latencyMs: Math.max(...answers.map(({ latencyMs }) => latencyMs)),
    };
  }

  /** The server, or on a Cluster the owner of each slot. Throws if an owner is unknown, because its sessions can't be served. */
  #servers(): readonly Server[] {
    const { client } = this.#connection;
    if (!client.isCluster) return client.servers;
    const owners = new Set<string>();
    for (let slot = 0; slot < SLOTS; slot += 1) owners.add(primaryOf(client.slots, slot));
    return [...owners].map((owner) => {
      const server = client.serverOf(owner);
      if (server === undefined) throw unavailable("a primary of the Cluster is not known", "not-applied");
      return server;
    });
  }

  /** Simultaneous callers share one probe, because otherwise the number of probes to a server that hangs would have no limit. */
  #askServer(server: Server): Promise<ProbeAnswer> {
    let answer = this.#asked.get(server);
    if (answer === undefined) {
      answer = this.#askAlone(server).finally(() => this.#asked.delete(server));
      this.#asked.set(server, answer);
    }
    return answer;
  }

  async #askAlone(server: Server): Promise<ProbeAnswer> {
    const sentAt = performance.now();
    const [latencyMs, { isPrimary }] = await Promise.all([
      // TIME, because the store needs this command anyway. An ACL may refuse another command.
      this.#sender.probe("time", [], server).promise.then(() => performance.now() - sentAt),
      this.#serverCheck.facts(server, "replication"),
    ]);
    return { latencyMs, role: isPrimary === undefined ? undefined : isPrimary ? "primary" : "replica" };
  }
}
