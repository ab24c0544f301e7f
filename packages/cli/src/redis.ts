import { Cluster, Redis } from "ioredis";
import type { Target } from "./arguments.ts";
import { UsageError } from "./failures.ts";

/** Creates a client that does not connect. The store opens connections of its own with the options of this client. */
export function createClient(target: Target, environment: NodeJS.ProcessEnv): Redis | Cluster {
  const { keyPrefix, sentinel, isCluster } = target;
  const servers = serversOf(target);
  const [first] = servers;
  const { host, port, db, ...credentials } = first;
  if (isCluster && db !== 0) throw new UsageError("a Cluster has only the database 0");
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

/** The servers of the URLs. Throws a UsageError for a URL that differs from the first one in a part that only the first one sets. */
function serversOf({ urls, sentinel }: Target): readonly [Server, ...Server[]] {
  const defaultPort = sentinel === undefined ? 6_379 : 26_379;
  const [first = parseUrl(`redis://127.0.0.1:${defaultPort}`, defaultPort), ...others] = urls.map((url) =>
    parseUrl(url, defaultPort),
  );
  for (const other of others) {
    // The connection to this server would not be encrypted, and the password would be sent in plain text.
    if ((other.tls === undefined) !== (first.tls === undefined))
      throw new UsageError("the URLs of Redis must all be redis:// or all be rediss://");
    const isOther = (name: "username" | "password" | "db", none?: number): boolean =>
      other[name] !== none && other[name] !== first[name];
    if (isOther("username") || isOther("password") || isOther("db", 0))
      throw new UsageError("the first URL has the user, the password and the database for all servers");
  }
  return [first, ...others];
}

/** Does not repeat the URL in an error, because it may contain a password. */
function parseUrl(text: string, defaultPort: number): Server {
  // A password with one of these characters ends there. What precedes it would be taken for the host and the port, and be printed.
  if (/#|[/?][^@]*@/.test(text.replace(/^\w+:\/\//, "")))
    throw new UsageError(`${URL_FORM}. Write %23 for #, %2F for / and %3F for ? in a user or a password`);
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
    port: url.port === "" ? defaultPort : Number(url.port),
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
export function describeTarget(target: Target): string {
  const { sentinel, isCluster, prefix } = target;
  const hosts = serversOf(target).map(
    ({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`,
  );
  const where =
    sentinel === undefined ? hosts.join(", ") : `${sentinel} by the Sentinels ${hosts.join(", ")}`;
  return `${isCluster ? "the Cluster at " : ""}${where}, prefix ${prefix}`;
}
