import type { Redis } from "ioredis";

/** The private member of ioredis that asks a Sentinel for the address of the primary. */
interface Connector {
  resolve(endpoint: unknown): Promise<unknown>;
}

/** The answer of a Sentinel that the client has connected by. */
interface Found {
  readonly endpoint: unknown;
  readonly address: string;
}

/**
 * Finds out whether Sentinel has replaced the primary that a client is connected to. For several seconds after a failover the replaced
 * primary may take itself for the primary, and Sentinel then makes it a replica. Every change that it has acknowledged meanwhile is lost.
 */
export class SentinelWatch {
  readonly #sentinels: readonly unknown[];
  readonly #resolve: (endpoint: unknown) => Promise<unknown>;
  #used: Found | undefined;
  #isAsking = false;

  private constructor(sentinels: readonly unknown[], connector: Connector) {
    this.#sentinels = sentinels;
    this.#resolve = connector.resolve.bind(connector);
    connector.resolve = async (endpoint) => {
      const found = await this.#resolve(endpoint);
      const address = addressIn(found);
      if (address !== undefined) this.#used = { endpoint, address };
      return found;
    };
  }

  /** `undefined` for a client whose address no Sentinel gives. */
  static of(redis: Redis): SentinelWatch | undefined {
    const connector: Partial<Connector> | undefined = Reflect.get(redis, "connector");
    const { sentinels } = redis.options;
    return sentinels && isConnector(connector) ? new SentinelWatch(sentinels, connector) : undefined;
  }

  /** Whether a Sentinel names another primary. False if no Sentinel answers, or while an earlier call still asks. */
  async hasMoved(): Promise<boolean> {
    const used = this.#used;
    if (used === undefined || this.#isAsking) return false;
    this.#isAsking = true;
    try {
      const address = await this.#ask([used.endpoint, ...this.#sentinels]);
      // The client may have connected again meanwhile.
      return address !== undefined && this.#used === used && address !== used.address;
    } finally {
      this.#isAsking = false;
    }
  }

  /** The answer of the first Sentinel that knows the primary. */
  async #ask(endpoints: readonly unknown[]): Promise<string | undefined> {
    for (const endpoint of endpoints) {
      const address = addressIn(await this.#resolve(endpoint).catch(() => undefined));
      if (address !== undefined) return address;
    }
    return undefined;
  }
}

function isConnector(value: Partial<Connector> | undefined): value is Connector {
  return typeof value?.resolve === "function";
}

function addressIn(found: unknown): string | undefined {
  if (typeof found !== "object" || found === null) return undefined;
  return `${String(Reflect.get(found, "host"))}:${String(Reflect.get(found, "port"))}`;
}
