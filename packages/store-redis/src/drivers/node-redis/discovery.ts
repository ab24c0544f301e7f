import { PatientTimer } from "../../base/patient-timer.ts";
import { unavailable } from "../../base/failures.ts";
import { SLOTS } from "../../base/slots.ts";
import type { Link } from "./link.ts";
import { NodeRedisCommand } from "./sent-command.ts";
import type { Address, ClusterRedis, ServerRedis } from "./shapes.ts";

/** By slot: the name of the primary. */
export type Masters = string[][];

/** Finds the nodes of a Cluster: by CLUSTER SLOTS from a node that answers, or else by the application's client. */
export class Discovery {
  readonly #given: ClusterRedis;
  readonly #timeoutMs: number;
  #template: ServerRedis | undefined;

  constructor(given: ClusterRedis, timeoutMs: number) {
    this.#given = given;
    this.#timeoutMs = timeoutMs;
  }

  /** A client of a node, which has the options for all nodes; `undefined` until the nodes were found. */
  get template(): ServerRedis | undefined {
    return this.#template;
  }

  /** The address of a node differs from its name if the application maps addresses. */
  addressOf(name: string): Address {
    const at = name.lastIndexOf(":");
    const named = { host: name.slice(0, at), port: Number(name.slice(at + 1)) };
    // The client offers its options under this name alone.
    // oxlint-disable-next-line no-underscore-dangle
    const map = this.#given._options?.nodeAddressMap;
    return { ...named, ...(typeof map === "function" ? map(name) : map?.[name]) };
  }

  async find(links: readonly Link[]): Promise<Masters> {
    const ready = links.filter(({ isReady }) => isReady);
    for (const link of ready.toSorted(() => Math.random() - 0.5)) {
      const masters = await this.#askNode(link).catch(() => undefined);
      if (masters !== undefined) return masters;
    }
    return this.#askGiven();
  }

  async #askNode(link: Link): Promise<Masters | undefined> {
    const command = new NodeRedisCommand("cluster", ["SLOTS"]);
    const timer = new PatientTimer(this.#timeoutMs, () =>
      command.cancel(unavailable("the node did not answer in time", "not-applied")),
    ).unref();
    link.send(command);
    try {
      return parseSlots(await command.promise, this.addressOf(link.name).host);
    } finally {
      timer.stop();
    }
  }

  /** Asks the application's client, which has the root nodes and the mapping of addresses. */
  async #askGiven(): Promise<Masters> {
    const seed = this.#given.duplicate({ minimizeConnections: true, useReplicas: true });
    seed.on("error", () => undefined);
    let timer: PatientTimer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = new PatientTimer(2 * this.#timeoutMs, () =>
        reject(new Error("no root node of the Cluster answered in time")),
      ).unref();
    });
    try {
      await Promise.race([seed.connect(), late]);
      for (const master of seed.masters)
        this.#template ??= await Promise.race([seed.nodeClient(master), late]).catch(() => undefined);
      if (this.#template === undefined) throw new Error("no primary of the Cluster can be reached");
      return Array.from({ length: SLOTS }, (_, slot) => {
        const name = seed.slots[slot]?.master.address;
        return name === undefined ? [] : [name];
      });
    } finally {
      timer?.stop();
      late.catch(() => undefined);
      await Promise.resolve(destroySeed(seed)).catch(() => undefined);
    }
  }
}

function destroySeed(seed: ClusterRedis): unknown {
  try {
    return seed.destroy();
  } catch {
    // The client was closed.
    return undefined;
  }
}

/**
 * `undefined` if the reply is not a slot table. `host`: the host of the node that answered, because the reply of a node may not
 * contain its own host.
 */
function parseSlots(reply: unknown, host: string): Masters | undefined {
  if (!Array.isArray(reply) || reply.length === 0) return undefined;
  const masters: Masters = Array.from({ length: SLOTS }, () => []);
  for (const range of reply) {
    const [first, last, master]: readonly unknown[] = Array.isArray(range) ? range : [];
    const [known, port]: readonly unknown[] = Array.isArray(master) ? master : [];
    if (typeof first !== "number" || typeof last !== "number" || typeof port !== "number") return undefined;
    const name = `${typeof known === "string" && known !== "" ? known : host}:${port}`;
    for (let slot = first; slot <= last; slot += 1) masters[slot] = [name];
  }
  return masters;
}
