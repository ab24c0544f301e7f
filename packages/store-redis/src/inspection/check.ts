import { setTimeout as delay } from "node:timers/promises";
import { Keys } from "../base/keys.ts";
import { newNodeName } from "../base/node-names.ts";
import { type RedisStoreOptions, readSettings, type Settings } from "../base/options.ts";
import { Connection } from "../connection/connection.ts";
import { Sender } from "../connection/sender.ts";
import { driverOf } from "../drivers/detect.ts";
import { Subscription } from "../announcements/subscription.ts";
import { coverAllSlots } from "../sessions/unreachable-servers.ts";
import { type CheckReport, type Finding, fine, problem } from "./findings.ts";
import { ServerExamination } from "./server-examination.ts";
import { shardedFinding } from "./sharded-check.ts";

/**
 * Runs the checks of one store, on a connection of its own: a store would wait until a server is usable, and the checks report why
 * it is not usable.
 */
export async function checkRedis(options: RedisStoreOptions): Promise<CheckReport> {
  const check = new Check(options);
  try {
    const findings = await check.run();
    return { ok: findings.every(({ level }) => level !== "problem"), findings };
  } finally {
    check.close();
  }
}

class Check {
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #sender: Sender;
  readonly #keys: Keys;
  readonly #node: string = newNodeName("check");
  #reason: Error | undefined;
  #onReady: (() => void) | undefined;

  constructor(options: RedisStoreOptions) {
    const driver = driverOf(options);
    this.#settings = readSettings(options);
    this.#keys = new Keys(this.#settings.prefix, driver.keyPrefix, () => driver.database());
    this.#connection = new Connection(driver, this.#settings.timeoutMs);
    this.#sender = new Sender(this.#connection);
    this.#connection.listen({
      ready: () => this.#onReady?.(),
      lost: () => this.#sender.rejectWaiting(),
      failed: (reason) => (this.#reason = reason),
      ended: () => this.#sender.rejectWaiting(),
      arrived: (name) => this.#sender.sendWaiting(name),
      slotsChanged: () => this.#sender.reroute(),
    });
  }

  async run(): Promise<Finding[]> {
    if (!(await this.#connect())) return [notConnected(this.#reason)];
    const { client } = this.#connection;
    const findings: Finding[] = [];
    if (client.isCluster) findings.push(slotsFinding(coverAllSlots(client)));
    const examination = new ServerExamination(this.#sender, this.#keys, client.isCluster, this.#settings);
    const examined = await Promise.all(client.servers.map((server) => examination.of(server)));
    findings.push(...examined.flatMap((each) => each.findings));
    findings.push(examination.clockFinding(examined.flatMap(({ clock }) => clock ?? [])));
    findings.push(await this.#busFinding());
    if (client.isCluster) {
      const channelOf = (tag: string): string => this.#keys.shardChannel(this.#node, tag);
      findings.push(await shardedFinding(this.#connection, channelOf, this.#settings.timeoutMs));
    }
    return findings;
  }

  close(): void {
    this.#connection.close();
  }

  /** Whether a server accepted the connection in time. */
  async #connect(): Promise<boolean> {
    const { timeoutMs } = this.#settings;
    const connected = new Promise<void>((resolve) => (this.#onReady = resolve));
    this.#connection.connect();
    await Promise.race([connected, delay(timeoutMs, undefined, { ref: false })]);
    // If there is no failure yet, the server may still answer, because ioredis asks one Sentinel, or one node, after the other.
    if (!this.#connection.isReady && this.#reason === undefined)
      await Promise.race([connected, delay(this.#connection.handshakeMs, undefined, { ref: false })]);
    return this.#connection.isReady;
  }

  /** The subscription of a store, which counts once a message that was published to it has arrived. */
  async #busFinding(): Promise<Finding> {
    const { timeoutMs } = this.#settings;
    const channel = this.#keys.channel(this.#node);
    const startedAt = performance.now();
    const reasons: Error[] = [];
    let onRefused: (() => void) | undefined;
    const refused = new Promise<boolean>((resolve) => (onRefused = () => resolve(false)));
    const subscription = new Subscription(
      this.#connection,
      () => [channel, this.#keys.everybody],
      timeoutMs,
      {
        publish: (text) => this.#sender.send("publish", [channel, text]).promise,
        message: () => undefined,
        resubscribed: () => undefined,
        failed: (reason) => void reasons.push(reason),
        // A subscription tries again, which a refusal by the ACL does not need.
        forbidden: () => onRefused?.(),
      },
    );
    try {
      subscription.open();
      const arrived = subscription.wait(performance.now() + timeoutMs).then(
        () => true,
        () => false,
      );
      if (await Promise.race([arrived, refused])) {
        const ms = (performance.now() - startedAt).toFixed(1);
        return fine({ topic: "bus", message: `a published message arrived (${ms} ms with the connection)` });
      }
    } finally {
      subscription.close();
    }
    const why = reasons.at(-1)?.message ?? "no message arrived";
    return problem(
      { topic: "bus", message: `published messages do not arrive: ${why}` },
      "Allow SUBSCRIBE and PUBLISH on the channels of the prefix (the ACL in docs/operations.md).",
    );
  }
}

function slotsFinding(areCovered: boolean): Finding {
  if (areCovered) return fine({ topic: "cluster", message: "a primary is known for each slot" });
  return problem(
    { topic: "cluster", message: "some slots have no primary: their sessions can't be served" },
    "Look at CLUSTER INFO and CLUSTER NODES, and bring the lost primaries or their replicas back.",
  );
}

/** Remedies, by a pattern that the reason matches. */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /WRONGPASS|NOAUTH|invalid password|NOPERM/i,
    "Give the user and the password of the application, in REDIS_URL for example.",
  ],
  [/ECONNREFUSED/, "Start Redis, or correct the host and the port."],
  [/ENOTFOUND|EAI_AGAIN/, "Correct the host name, or look at the DNS."],
  [
    /cert|self.signed|SSL|TLS/i,
    "Use rediss:// for a server with TLS, and name its authority in NODE_EXTRA_CA_CERTS.",
  ],
  [
    /cluster support disabled|slots cache/i,
    "The server is not a Cluster, or none of its nodes answers: name its nodes, or leave --cluster out.",
  ],
  [/sentinel/i, "Name the Sentinels and the master as the application does."],
];

function notConnected(reason: Error | undefined): Finding {
  const why = reason?.message ?? "no answer in time";
  const remedy =
    REMEDIES.find(([pattern]) => pattern.test(why))?.[1] ??
    "Check whether the server runs, whether it is busy, and whether a firewall blocks the connection.";
  return problem({ topic: "connection", message: `Redis can't be reached: ${why}` }, remedy);
}
