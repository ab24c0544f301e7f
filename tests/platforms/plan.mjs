// What `npm run test:matrix` runs: each platform is one row of a table, and each suite one column.

/**
 * @typedef {object} Suite
 * @property {string} title the head of the column
 * @property {readonly string[]} args what vitest is given
 */

/**
 * @typedef {object} Platform
 * @property {string} node `system`, or a name of `runtimePackages`
 * @property {"redis" | "valkey"} [servers] the servers of Debian 13; those of the system without it
 * @property {{ readonly name: string, readonly spec: string }} [replaced] a package that is replaced by another version
 */

/**
 * @typedef {object} Row
 * @property {Platform} platform
 * @property {(platform: Versions) => string} title
 * @property {readonly Suite[]} suites those that run; the cells of the other suites say "not run"
 */

/** @typedef {{ readonly node: string, readonly server: string, readonly replaced: string }} Versions */

/**
 * @typedef {object} Table
 * @property {string} title
 * @property {string} head the head of the first column
 * @property {readonly Suite[]} suites
 * @property {readonly Row[]} rows
 */

/** @type {Record<"shared" | "ws" | "uws" | "store" | "servers", Suite>} */
const suites = {
  shared: {
    title: "core, protocol, client",
    args: ["--project", "core", "--project", "protocol", "--project", "client"],
  },
  ws: { title: "adapter-ws", args: ["--project", "adapter-ws"] },
  uws: { title: "adapter-uws", args: ["--project", "adapter-uws"] },
  store: { title: "store-redis", args: ["--project", "store-redis"] },
  servers: {
    title: "both runtimes on Redis",
    args: [
      ...["--project", "tests"],
      ...["acl", "away", "conformance", "hangs", "replays", "transactions"].map(
        (name) => `tests/redis-${name}.test.ts`,
      ),
    ],
  },
};

const { shared, ws, uws, store, servers } = suites;

/** @type {readonly Table[]} */
export const tables = [
  {
    title: "Node.js",
    head: "Node.js",
    suites: [shared, ws, uws, store],
    rows: [
      ...["system", "node22", "node24"].map((node) => ({
        platform: { node },
        title: (/** @type {Versions} */ versions) => versions.node,
        suites: [shared, ws, uws, store],
      })),
      // uWebSockets.js has no binary for this version.
      { platform: { node: "node26" }, title: (versions) => versions.node, suites: [shared, ws, store] },
    ],
  },
  {
    title: "Servers",
    head: "server",
    suites: [store, servers],
    rows: [
      { platform: { node: "system" }, title: (versions) => versions.server, suites: [store, servers] },
      .../** @type {const} */ (["redis", "valkey"]).map((kind) => ({
        platform: { node: "system", servers: kind },
        title: (/** @type {Versions} */ versions) => versions.server,
        suites: [store, servers],
      })),
      {
        platform: { node: "node24", servers: "valkey" },
        title: ({ server, node }) => `${server}, Node.js ${node}`,
        suites: [store, servers],
      },
    ],
  },
  {
    title: "WebSocket libraries",
    head: "library",
    suites: [ws, uws],
    rows: [
      ...["8.18.0", "8"].map((version) => ({
        platform: { node: "system", replaced: { name: "ws", spec: `ws@${version}` } },
        title: (/** @type {Versions} */ { replaced }) => `ws ${replaced}`,
        suites: [ws],
      })),
      { platform: { node: "node24" }, title: () => "uWebSockets.js 3.0.6 (`uwebsockets`)", suites: [uws] },
      {
        platform: {
          node: "node24",
          replaced: { name: "uWebSockets.js", spec: "@btc-vision/uwebsockets.js@20.57.0" },
        },
        title: ({ replaced }) => `uWebSockets.js ${replaced} (upstream)`,
        suites: [uws],
      },
    ],
  },
];

/** @type {Suite} */
const conformance = {
  title: "conformance of adapters and of store-redis",
  args: ["--project", "adapter-ws", "--project", "adapter-uws", "--project", "tests", "conformance"],
};

/**
 * The form that `.ci/run` runs, since it runs everything on the Node.js and the Redis of the system.
 *
 * @type {Table}
 */
export const short = {
  title: "Short form",
  head: "Node.js and server",
  suites: [conformance],
  rows: [
    {
      platform: { node: "node24", servers: "valkey" },
      title: ({ node, server }) => `Node.js ${node}, ${server}`,
      suites: [conformance],
    },
  ],
};
