import { Cluster, Redis } from "ioredis";
import type { Target } from "./arguments.ts";
import { UsageError } from "./failures.ts";

/** Creates a client that does not connect. The store opens connections of its own with the options of this client. */
export function createClient(target: Target, environment: NodeJS.ProcessEnv): Redis | Cluster {
  const { keyPrefix, sentinel, isCluster } = target;
  const servers = target.urls.map(parseUrl);
  const [first = parseUrl("redis://127.0.0.1:6379")] = servers;
  const { host, port, db, ...credentials } = first;
  const options = { ...credentials, keyPrefix, lazyConnect: true, connectionName: "wsession-cli" };
  const addresses = servers.map((server) => ({ host: server.host, port: server.port }));
  const client = isCluster
    ? new Cluster(addresses, { redisOptions: options, keyPrefix, lazyConnect: true })
    : sentinel === undefined
      ? new Redis({ ...options, db, host, port })
      : new Redis({
          ...options,
          db,
          sentinels: addresses,
          name: sentinel,
          ...sentinelOptions(environment, first),
        });
  // Without a listener ioredis prints its errors. The store reports those of its own connections.
  client.on("error", () => undefined);
  return client;
}

interface Server {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: { readonly servername?: string };
}

const URL_FORM = "a URL of Redis is redis://[user:password@]host[:port][/database], or rediss:// for TLS";

/** Does not repeat the URL in an error, because it may contain a password. */
function parseUrl(text: string): Server {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new UsageError(URL_FORM);
  }
  const isTls = url.protocol === "rediss:";
  const path = url.pathname.slice(1);
  const db = Number(path);
  if ((!isTls && url.protocol !== "redis:") || url.hostname === "" || !/^\d{0,9}$/.test(path))
    throw new UsageError(URL_FORM);
  // The brackets of an IPv6 address belong to the URL.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: url.port === "" ? 6_379 : Number(url.port),
    db,
    ...(url.username !== "" && { username: decode(url.username) }),
    ...(url.password !== "" && { password: decode(url.password) }),
    // SNI allows names only, and no IP addresses (RFC 6066, section 3).
    ...(isTls && { tls: /^[\d.]+$|:/.test(host) ? {} : { servername: host } }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError("the user or the password in a URL of Redis is not percent-encoded");
  }
}

/** Sentinels may have another user and password than the primary. */
function sentinelOptions(environment: NodeJS.ProcessEnv, { tls }: Server) {
  const { REDIS_SENTINEL_USERNAME: user, REDIS_SENTINEL_PASSWORD: password } = environment;
  return {
    ...(user !== undefined && { sentinelUsername: user }),
    ...(password !== undefined && { sentinelPassword: password }),
    ...(tls !== undefined && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
  };
}

/** Describes the servers for people, without user and password. */
export function describeTarget({ urls, sentinel, isCluster, prefix }: Target): string {
  const hosts = urls.map((text) => {
    const { host, port } = parseUrl(text);
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  });
  const where =
    sentinel === undefined ? hosts.join(", ") : `${sentinel} by the Sentinels ${hosts.join(", ")}`;
  return `${isCluster ? "the Cluster at " : ""}${where}, prefix ${prefix}`;
}
