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

/** @type {Record<"ws" | "uws" | "redis" | "wholeWs" | "wholeUws" | "command", Suite>} */
const suites = {
  ws: { title: "adapter-ws", args: ["--project", "adapter-ws", "conformance"] },
  uws: { title: "adapter-uws", args: ["--project", "adapter-uws", "conformance"] },
  redis: {
    title: "store-redis",
    args: ["--project", "tests", "tests/redis-conformance.test.ts"],
  },
  wholeWs: { title: "adapter-ws", args: ["--project", "adapter-ws"] },
  wholeUws: { title: "adapter-uws", args: ["--project", "adapter-uws"] },
  command: { title: "cli", args: ["--project", "cli"] },
};

const { ws, uws, redis, wholeWs, wholeUws, command } = suites;

/** @param {Versions} versions */
const nodeAndServer = ({ node, server }) => `Node.js ${node}, ${server}`;

/** @type {Row} */
const node24 = {
  platform: { node: "node24", servers: "valkey" },
  title: nodeAndServer,
  suites: [ws, uws, redis],
};

/** @type {readonly Table[]} */
export const tables = [
  {
    title: "Node.js and Redis",
    head: "conformance suites",
    suites: [ws, uws, redis],
    rows: [
      { platform: { node: "system" }, title: nodeAndServer, suites: [ws, uws, redis] },
      { platform: { node: "node22", servers: "redis" }, title: nodeAndServer, suites: [ws, uws, redis] },
      node24,
      // uWebSockets.js has no binary for this version.
      { platform: { node: "node26" }, title: nodeAndServer, suites: [ws, redis] },
    ],
  },
  {
    title: "The command wsession",
    head: "Node.js and server",
    suites: [command],
    rows: [
      { platform: { node: "system" }, title: nodeAndServer, suites: [command] },
      { platform: { node: "node22", servers: "redis" }, title: nodeAndServer, suites: [command] },
      { ...node24, suites: [command] },
    ],
  },
  {
    title: "WebSocket libraries",
    head: "library",
    suites: [wholeWs, wholeUws],
    rows: [
      ...["8.18.0", "8"].map((version) => ({
        platform: { node: "system", replaced: { name: "ws", spec: `ws@${version}` } },
        title: (/** @type {Versions} */ { replaced }) => `ws ${replaced}`,
        suites: [wholeWs],
      })),
      {
        platform: { node: "node24" },
        title: () => "uWebSockets.js 3.0.6 (`uwebsockets`)",
        suites: [wholeUws],
      },
      {
        platform: {
          node: "node24",
          replaced: { name: "uWebSockets.js", spec: "@btc-vision/uwebsockets.js@20.57.0" },
        },
        title: ({ replaced }) => `uWebSockets.js ${replaced} (upstream)`,
        suites: [wholeUws],
      },
    ],
  },
];

/**
 * The form that `.ci/run` runs, since it runs everything on the Node.js and the Redis of the system. One run of vitest, because each
 * starts with idle workers.
 *
 * @type {Table}
 */
export const short = {
  title: "Short form",
  head: "Node.js and server",
  suites: [],
  rows: [
    {
      ...node24,
      suites: [
        {
          title: "conformance of adapters and of store-redis",
          args: ["--project", "adapter-ws", "--project", "adapter-uws", "--project", "tests", "conformance"],
        },
      ],
    },
  ],
};
